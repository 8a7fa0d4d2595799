"""What a person is told of a step that failed: which one, why, its last words, and where the rest is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emr_pipeline.emr.cluster_states import LOST_STATES, reason_text, state_of

# How our jobs end when they refuse something: `ERROR WeightsError: what, where, what to do`.
OWN_ERROR = re.compile(r"^ERROR (?P<error>[A-Za-z_]\w*: .+)$", re.MULTILINE)


@dataclass(frozen=True)
class StepTails:
    """The last lines of a step's two outputs; null for one that was not shipped.

    Spark sends a Python job's stderr along with its stdout, so that a job's own last words stand in the step's stdout;
    its stderr has those of the JVM.
    """

    stdout: str | None
    stderr: str | None


def failure_text(
    stage: str, step_id: str, cluster: Mapping[str, Any], status: Mapping[str, Any], tails: StepTails, logs_uri: str
) -> str:
    """The cause in the first line; then the tails of stderr and stdout, the job's own last words last."""
    headline = f"{stage}: step {step_id} on cluster {cluster['Id']} is {status['State']}: {_cause(status, tails)}"
    if state_of(cluster) in LOST_STATES:
        # Then that is why, whatever the step says: Spot took the nodes, or somebody ended the cluster.
        headline += f"\nthe cluster itself is {state_of(cluster)}: {reason_text(cluster)}"
    said = [f"{name} ends:\n{tail}" for name, tail in (("stderr", tails.stderr), ("stdout", tails.stdout)) if tail]
    return "\n".join([headline, *(said or ["EMR has shipped no log of it"]), f"logs: {logs_uri}/"])


def _cause(status: Mapping[str, Any], tails: StepTails) -> str:
    """The job's own error if it named one, else what EMR makes of it."""
    for tail in (tails.stdout, tails.stderr):
        named = OWN_ERROR.findall(tail or "")
        if named:
            return str(named[-1])
    details = status.get("FailureDetails", {}) or status.get("StateChangeReason", {})
    told = [str(details[name]) for name in ("Reason", "Message") if details.get(name)]
    return "; ".join(told) or "EMR gives no reason"

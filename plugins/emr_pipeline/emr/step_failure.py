"""Error text of a failed step: which step, why it failed, its last lines, and where the rest is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emr_pipeline.emr.cluster_states import LOST_STATES, reason_text, state_of

# The last line of a job that refuses something: `ERROR WeightsError: what, where, what to do`.
OWN_ERROR = re.compile(r"^ERROR (?P<error>[A-Za-z_]\w*: .+)$", re.MULTILINE)


@dataclass(frozen=True)
class StepTails:
    """Last lines of a step's two outputs; null for one that was not shipped.

    Spark sends a Python job's stderr along with its stdout. So a job's own last words are in the step's stdout, and its
    stderr has those of the JVM.
    """

    stdout: str | None
    stderr: str | None


def failure_text(
    stage: str, step_id: str, cluster: Mapping[str, Any], status: Mapping[str, Any], tails: StepTails, logs_uri: str
) -> str:
    """Return the cause in the first line, then the tails of stderr and stdout; the job's own words come last."""
    headline = f"{stage}: step {step_id} on cluster {cluster['Id']} is {status['State']}: {_cause(status, tails)}"
    if state_of(cluster) in LOST_STATES:
        # That is the cause, whatever the step says: Spot took the nodes, or somebody ended the cluster.
        headline += f"\nthe cluster itself is {state_of(cluster)}: {reason_text(cluster)}"
    tails_text = [
        f"{name} ends:\n{tail}" for name, tail in (("stderr", tails.stderr), ("stdout", tails.stdout)) if tail
    ]
    return "\n".join([headline, *(tails_text or ["EMR has shipped no log of it"]), f"logs: {logs_uri}/"])


def _cause(status: Mapping[str, Any], tails: StepTails) -> str:
    """Return the job's own error if it named one, else EMR's reason."""
    for tail in (tails.stdout, tails.stderr):
        named = OWN_ERROR.findall(tail or "")
        if named:
            return str(named[-1])
    details = status.get("FailureDetails", {}) or status.get("StateChangeReason", {})
    reasons = [str(details[name]) for name in ("Reason", "Message") if details.get(name)]
    return "; ".join(reasons) or "EMR gives no reason"

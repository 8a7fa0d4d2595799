"""`make rollback`: takes readers back to an earlier snapshot, by the DAG fruit_features_rollback."""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from run_contract.rollbacks import ROLLBACK_PARAMS
from tools.errors import RunRefusedError, ToolError, run_tool
from tools.local import endpoint
from tools.local.airflow_api import ROLLBACK_DAG_ID, end_abandoned_runs, wait_for_dag
from tools.local.home import LocalHome
from tools.local.interrupts import interrupt, on_endings
from tools.local.services import services_in_use
from tools.run.documents import read_json
from tools.run.summary import failure_texts
from tools.run.triggered_run import Outcome, TriggeredRun

LOOK_EVERY_S = 0.5


class RollbackRequestError(ToolError):
    """A variable of `make rollback` that is missing, or a value that it cannot have."""


def main(arguments: Sequence[str]) -> int:
    home = LocalHome.from_environment()
    try:
        params = parse_request(os.environ)
        with on_endings(interrupt), services_in_use(home):
            return roll_back(params, home)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def parse_request(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the DAG run's conf; raise RollbackRequestError for a variable that is missing or wrong."""
    asked = {param.name: environment.get(param.make_variable) or None for param in ROLLBACK_PARAMS}
    for param in ROLLBACK_PARAMS:
        expected = param.refusal(asked[param.name])
        if expected is not None:
            raise RollbackRequestError(
                f"make rollback {param.make_variable}={asked[param.name] or ''}: give {expected}; "
                "`make history` lists the snapshots"
            )
    return asked


def roll_back(params: Mapping[str, Any], home: LocalHome) -> int:
    """Return 0 if readers see the snapshot then, 1 if the rollback was refused."""
    endpoint.wait_for_endpoint(home)
    wait_for_dag(home, ROLLBACK_DAG_ID)
    end_abandoned_runs(home)
    dag_run = TriggeredRun(home, f"back-to-{params['snapshot']}", datetime.now(UTC), ROLLBACK_DAG_ID)
    try:
        dag_run.trigger(dict(params))
        outcome = follow(dag_run)
    except RunRefusedError:
        raise
    except BaseException:
        # One that is left would go on when the services are started again.
        with on_endings(signal.SIG_IGN):
            dag_run.end()
        raise
    if outcome.state != "success":
        print("\n\n".join(failure_texts(outcome, dag_run.logs_path)), file=sys.stderr)
        return 1
    latest = read_json(home.bucket_path / "published" / "latest.json") or {}
    before = (latest.get("rollbacks") or [{}])[-1].get("instead_of")
    print(f"readers see snapshot {latest.get('snapshot')} of run {latest.get('run')}, and no longer {before}")
    print(f"the next run is compared with it; to go forward again: make rollback SNAPSHOT={before}")
    return 0


def follow(dag_run: TriggeredRun) -> Outcome:
    """Return how the run ended, once it has."""
    while dag_run.outcome is None:
        dag_run.poll()
        time.sleep(LOOK_EVERY_S)
    return dag_run.outcome


if __name__ == "__main__":
    run_tool(main)

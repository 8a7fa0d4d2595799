"""`make run`: brings photographs in, runs the DAG in Airflow to its end, and says what came of it."""

import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from run_contract.params import param_named
from tools.data.bring import bring
from tools.data.weights_file import DEMO_FALLBACK, bring_weights, imagenet_or_why_not
from tools.errors import ToolError
from tools.local.database import migrate_database
from tools.local.endpoint import endpoint_in_use
from tools.local.home import LocalHome
from tools.local.interrupts import endings_as_interrupts, ignoring_interrupts
from tools.local.services import wait_for_airflow
from tools.run.direct_run import DirectRun
from tools.run.progress_lines import ProgressLines
from tools.run.run_request import RunRequest, parse_request
from tools.run.scheduled_run import ScheduledRun
from tools.run.summary import failure_texts, is_skipped, nothing_new_lines, summary_lines

LOOK_EVERY_S = 1.0


def main(arguments: Sequence[str]) -> int:
    home = LocalHome.from_environment()
    try:
        request = parse_request(os.environ, arguments)
        with endings_as_interrupts(), endpoint_in_use(home):
            return run_pipeline(request, home)
    except ToolError as error:
        print(f"ERROR {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def run_pipeline(request: RunRequest, home: LocalHome) -> int:
    """0 if the DAG run succeeded, or had nothing to do; else 1."""
    now = datetime.now(UTC)
    source_uri = bring(request.source, home)
    weights = choose_weights(request, home)
    migrate_database(home)
    run = request.run_name(source_uri, now)
    params = request.params(run, source_uri, weights)
    dag_run = (ScheduledRun if wait_for_airflow(home) else DirectRun)(home, run, params, now)
    print(f"run {run} of the DAG fruit_features; its log: {dag_run.log_path}")
    run_path = home.bucket_path / "runs" / run
    try:
        result, errors = follow(dag_run, ProgressLines(run_path / "progress"))
    except BaseException:
        print("\nending the run and its cluster")
        with ignoring_interrupts():
            dag_run.end()
        raise
    if is_skipped(result):
        print("\n".join(["", *nothing_new_lines(home.bucket_path)]), flush=True)
        return 0
    print("\n".join([f"\nrun {run}: {result['state']}", *summary_lines(run_path, now.timestamp())]), flush=True)
    if result["state"] == "success":
        return 0
    print("\n" + "\n\n".join(failure_texts(result, errors, dag_run.log_path)), file=sys.stderr)
    return 1


def choose_weights(request: RunRequest, home: LocalHome) -> str | None:
    """The param `weights`. Only the demo may change it by itself, and never silently."""
    if "weights" in request.asked:
        return bring_weights(request.asked["weights"], home)
    if not request.is_demo:
        return None
    why_not = imagenet_or_why_not(request.asked.get("backbone") or param_named("backbone").default, home)
    if why_not is None:
        return None
    print(f"WARNING: the demo uses random weights ({DEMO_FALLBACK}), for Keras's own could not be had: {why_not}")
    return DEMO_FALLBACK


def follow(dag_run: DirectRun | ScheduledRun, lines: ProgressLines) -> tuple[dict[str, Any], dict[str, str]]:
    """Wait for the run's last event; it, and the last error of each task that had one."""
    errors: dict[str, str] = {}
    while True:
        lines.show_counts()
        for event in dag_run.poll():
            if "run_id" in event:
                return event, errors
            lines.show_event(event)
            if "error" in event:
                errors[event["task_id"]] = event["error"]
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

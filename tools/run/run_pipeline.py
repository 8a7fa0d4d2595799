"""`make run`: brings photographs in, runs the DAG in Airflow to its end, and says what came of it."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from run_contract.param_queries import param_named
from run_contract.weights import IMAGENET
from tools.data.bring import bring
from tools.data.one_file import bring_labels
from tools.data.weights_file import DEMO_FALLBACK, bring_weights, imagenet_or_why_not
from tools.errors import RunRefusedError, ToolError, run_tool
from tools.local import endpoint
from tools.local.airflow_api import DAG_ID, end_abandoned_runs, wait_for_dag
from tools.local.home import LocalHome
from tools.local.interrupts import interrupt, on_endings
from tools.local.services import services_in_use
from tools.run.progress_lines import ProgressLines
from tools.run.run_request import LABELS, SOURCE, WEIGHTS, RunRequest, parse_request
from tools.run.summary import failure_texts, is_skipped, nothing_new_lines, summary_lines
from tools.run.triggered_run import Outcome, TriggeredRun

LOOK_EVERY_S = 1.0
# After that time a run that Airflow has not begun waits for another one.
QUEUE_PATIENCE_S = 5.0


def main(arguments: Sequence[str]) -> int:
    home = LocalHome.from_environment()
    try:
        request = parse_request(os.environ, arguments)
        with on_endings(interrupt), services_in_use(home):
            return run_pipeline(request, home)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def run_pipeline(request: RunRequest, home: LocalHome) -> int:
    """Return 0 if the DAG run succeeded, or had nothing to do; else 1."""
    now = datetime.now(UTC)
    # The services may still be starting meanwhile.
    source_uri = bring(request.source, home)
    brought = {
        SOURCE: source_uri,
        WEIGHTS: choose_weights(request, home),
        LABELS: bring_labels(request.asked.get(LABELS), home),
    }
    endpoint.wait_for_endpoint(home)
    wait_for_dag(home)
    end_abandoned_runs(home)
    run = request.run_name(source_uri, now)
    dag_run, run_path = TriggeredRun(home, run, now), home.bucket_path / "runs" / run
    try:
        dag_run.trigger(request.params(run, brought))
        print(f"run {run} of the DAG {DAG_ID}; its logs: {dag_run.logs_path}")
        outcome = follow(dag_run, ProgressLines(run_path / "progress"))
    except RunRefusedError:
        raise
    except BaseException:
        end(dag_run)
        raise
    if is_skipped(outcome):
        print("\n".join(["", *nothing_new_lines(home.bucket_path)]), flush=True)
        return 0
    print("\n".join([f"\nrun {run}: {outcome.state}", *summary_lines(run_path, now.timestamp())]), flush=True)
    if outcome.state == "success":
        return 0
    print("\n" + "\n\n".join(failure_texts(outcome, dag_run.logs_path)), file=sys.stderr)
    return 1


def end(dag_run: TriggeredRun) -> None:
    """End the run and its cluster, whatever comes in between."""
    with on_endings(signal.SIG_IGN):
        # The terminal may be closed.
        with contextlib.suppress(OSError):
            print("\nending the run and its cluster", flush=True)
        try:
            dag_run.end()
        except ToolError as error:
            # The services are stopped next, and the clusters with them; the next start marks the run failed.
            print(f"ERROR {type(error).__name__}: {error}", file=sys.stderr)


def choose_weights(request: RunRequest, home: LocalHome) -> str | None:
    """Return the param `weights`. Only the demo may change it by itself, and never silently.

    Keras's own are staged here, before the run: this machine may have them in Keras's cache, where nobody else looks.
    """
    asked = request.asked.get("weights")
    if asked not in (None, IMAGENET):
        return bring_weights(asked, home)
    if asked is None and _default("weights") != IMAGENET:
        return None
    backbone = request.asked.get("backbone") or _default("backbone")
    why_not = imagenet_or_why_not(backbone, home)
    if why_not is None or asked is not None or not request.is_demo:
        return asked
    print(f"WARNING: the demo uses random weights ({DEMO_FALLBACK}), for Keras's own could not be had: {why_not}")
    return DEMO_FALLBACK


def _default(name: str) -> str:
    """Return what the form shows for a param, of which Airflow's processes have the same environment."""
    param = param_named(name)
    return os.environ.get(param.setting) or str(param.default)


def follow(dag_run: TriggeredRun, lines: ProgressLines) -> Outcome:
    """Show what happens until the run is over, and return how it ended."""
    began = False
    while dag_run.outcome is None:
        lines.show_counts()
        for task_id, state in dag_run.poll().items():
            began = True
            lines.show_change(task_id, state)
        if not began and lines.seconds() > QUEUE_PATIENCE_S:
            lines.show_wait(dag_run.waits_for())
        time.sleep(LOOK_EVERY_S if dag_run.outcome is None else 0)
    return dag_run.outcome


if __name__ == "__main__":
    run_tool(main)

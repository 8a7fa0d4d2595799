"""`make run`: brings photographs in, runs the DAG in Airflow to its end, and says what came of it."""

import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from tools.airflow_database import migrate_database
from tools.demo_photos import make_demo_photos
from tools.direct_run import DirectRun
from tools.endpoint import endpoint_in_use
from tools.errors import ToolError
from tools.interrupts import endings_as_interrupts, ignoring_interrupts
from tools.landing import Mirrored, bring_folder
from tools.local_env import BUCKET, LocalHome, local_environment
from tools.progress_lines import ProgressLines
from tools.run_request import DEMO, RunRequest, parse_request
from tools.scheduled_run import ScheduledRun
from tools.services import is_airflow_up
from tools.summary import failure_texts, summary_lines
from tools.weights_file import DEMO_FALLBACK, bring_weights, imagenet_or_why_not

LOOK_EVERY_S = 1.0
DEFAULT_BACKBONE = "mobilenet_v2"


def main(arguments: Sequence[str]) -> int:
    request, home = parse_request(arguments), LocalHome.from_environment()
    # This process talks to the local endpoint too, and past any proxy.
    os.environ.update(local_environment(home))
    try:
        with endings_as_interrupts(), endpoint_in_use(home):
            return run_pipeline(request, home)
    except ToolError as error:
        print(f"ERROR {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def run_pipeline(request: RunRequest, home: LocalHome) -> int:
    """0 if the DAG run succeeded, else 1."""
    now = datetime.now(UTC)
    make_bucket()
    source_uri = bring_source(request, home)
    weights = choose_weights(request, home)
    migrate_database(home)
    run = request.run_name(source_uri, now)
    params = request.params(run, source_uri, weights)
    dag_run = (ScheduledRun if is_airflow_up(home) else DirectRun)(home, run, params, now)
    print(f"run {run} of the DAG fruit_features; its log: {dag_run.log_path}")
    run_path = home.bucket_path / "runs" / run
    try:
        result, errors = follow(dag_run, ProgressLines(run_path / "progress"))
    except BaseException:
        print("\nending the run and its cluster")
        with ignoring_interrupts():
            dag_run.end()
        raise
    print("\n".join([f"\nrun {run}: {result['state']}", *summary_lines(run_path)]), flush=True)
    if result["state"] == "success":
        return 0
    print("\n" + "\n\n".join(failure_texts(result, errors, dag_run.log_path)), file=sys.stderr)
    return 1


def make_bucket() -> None:
    s3 = boto3.client("s3")
    if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=BUCKET)


def bring_source(request: RunRequest, home: LocalHome) -> str:
    """The URI of the photographs, brought in if they lie in a folder."""
    if request.source is None:
        return _told(bring_folder(make_demo_photos(home.root / DEMO), home))
    if request.source.startswith("s3://"):
        return request.source.rstrip("/")
    return _told(bring_folder(Path(request.source), home))


def _told(mirrored: Mirrored) -> str:
    print(
        f"{mirrored.files:,} files in {mirrored.uri}: {mirrored.linked:,} linked, {mirrored.copied:,} copied, "
        f"{mirrored.unchanged:,} unchanged, {mirrored.removed:,} removed"
    )
    for reason in mirrored.left_out:
        print(f"  left out: {reason}")
    return mirrored.uri


def choose_weights(request: RunRequest, home: LocalHome) -> str | None:
    """The param `weights`. Only the demo may change it by itself, and never silently."""
    if request.weights is not None:
        return bring_weights(request.weights, home)
    if not request.is_demo:
        return None
    why_not = imagenet_or_why_not(request.backbone or DEFAULT_BACKBONE, home)
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

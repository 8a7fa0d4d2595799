"""Faults of going back: a rollback meets a run, another rollback, and a snapshot whose files are gone."""

import json
from typing import Any

from tests.faults.fault import Fault
from tests.faults.proxy import Hold, Request
from tests.faults.rows_airflow import wait_for_word
from tests.faults.scene import Scene
from tests.plugins.form import PARAMS

DAG_ID = "fruit_features_rollback"


def earlier(scene: Scene, run: str, **marks: str) -> str:
    """Leave what a run that was published some time ago has left, and return its snapshot."""
    from datetime import UTC, datetime

    from emr_pipeline.run.layout import RunLayout
    from emr_pipeline.snapshots.snapshot import Origin, snapshot_of
    from tests.faults.stand_in import STAGES

    layout, audit = RunLayout(scene.bucket, run), {"verdict": "passed", "checks": [], "summary": {}}
    stats = {stage: {"rows_in": 1, "rows_out": 1, "rejects": {}} for stage in STAGES}
    origin = Origin.of(PARAMS | {"source_uri": f"s3://{scene.bucket}/landing"}, f"s3://{scene.bucket}/code", None)
    made = snapshot_of(layout, run, origin, audit, stats, datetime.now(UTC)) | marks
    parts = [f"{folder}/part-0" for folder in ("manifest", "features", "model", "pca_features")]
    files: dict[str, Any] = dict.fromkeys([*parts, "inventory.csv.gz", "report/index.html"], "a part")
    files |= {"report/validation.json": audit} | {f"stats/{stage}.json": stats[stage] for stage in STAGES}
    objects = {f"runs/{run}/{name}": content for name, content in files.items() if not marks}
    for key, content in (objects | {f"published/{made['snapshot']}.json": made}).items():
        scene.s3.put_object(Bucket=scene.bucket, Key=key, Body=json.dumps(content).encode())
    scene.made_up.append(str(made["snapshot"]))
    return scene.made_up[-1]


def start_rollback(scene: Scene, snapshot: str, run: str) -> Any:
    return scene.start_dag(DAG_ID, run, {"snapshot": snapshot, "why": "a test"})


def roll_back(scene: Scene, snapshot: str, run: str) -> Any:
    return scene.result(start_rollback(scene, snapshot, run), DAG_ID, run)


def roll_back_under_a_run(scene: Scene) -> None:
    scene.running_step("featurize_images")
    assert roll_back(scene, earlier(scene, "earlier"), "back")["state"] == "success"
    scene.give_word()


def roll_back_twice(scene: Scene) -> None:
    """The first has looked at everything and is about to write when the second goes through."""

    def is_write(request: Request) -> bool:
        return request.operation == "S3 PUT" and "published/latest.json" in request.path

    first, second = earlier(scene, "earlier-1"), earlier(scene, "earlier-2")
    scene.proxy.holds.append(hold := Hold(is_write, after=False))
    process = start_rollback(scene, first, "first")
    hold.wait_until_held()
    won = roll_back(scene, second, "second")
    hold.released.set()
    lost = scene.result(process, DAG_ID, "first")
    scene.told += [text for _, text in lost["errors"]]
    assert (won["state"], lost["state"]) == ("success", "failed"), (won, lost)
    latest = json.loads(scene.published())
    assert (latest["snapshot"], len(latest["rollbacks"])) == (second, 1)


def roll_back_to_what_is_gone(scene: Scene) -> None:
    published = scene.published()
    refused = roll_back(scene, earlier(scene, "earlier", removed_at="2026-11-20T12:00:00Z"), "back")
    scene.told += [text for _, text in refused["errors"]]
    assert refused["state"] == "failed"
    assert scene.published() == published


ROLLBACK_FAULTS = (
    Fault(
        "a rollback during a run",
        "failed",
        "readers were taken back while this run went on",
        prepare=wait_for_word,
        strike=roll_back_under_a_run,
        published="earlier",
        steps=(1, 1, 1, 1),
    ),
    Fault(
        "two rollbacks at once",
        "success",
        "somebody else was first",
        afterwards=roll_back_twice,
        published="earlier",
    ),
    Fault(
        "a rollback to a removed snapshot",
        "success",
        "its files were removed at 2026-11-20T12:00:00Z",
        afterwards=roll_back_to_what_is_gone,
    ),
)

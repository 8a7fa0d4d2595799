"""Faults of what only real Spark has: its workers, and the Parquet files that pass from stage to stage."""

from tests.faults.fault import Fault
from tests.faults.spark_scene import SparkScene


def nothing_is_published(scene: SparkScene) -> None:
    """The snapshot from before is a pointer to nothing, and the stages would read what it points to."""
    scene.s3.delete_object(Bucket=scene.bucket, Key="published/latest.json")


def kill_python_worker(scene: SparkScene) -> None:
    nothing_is_published(scene)
    scene.kill_python_worker()


def delete_manifest(scene: SparkScene) -> None:
    scene.wait_for_stats("ingest_images")
    for key in scene.keys_of("manifest"):
        scene.s3.delete_object(Bucket=scene.bucket, Key=key)


def truncate_images(scene: SparkScene) -> None:
    scene.wait_for_stats("ingest_images")
    (key, *_) = scene.keys_of("images")
    whole = scene.s3.get_object(Bucket=scene.bucket, Key=key)["Body"].read()
    scene.s3.put_object(Bucket=scene.bucket, Key=key, Body=whole[: len(whole) // 2])


def land_many(scene: SparkScene) -> None:
    scene.pictures = PACKS * PICTURES_IN_A_PACK


def kill_at_70_percent(scene: SparkScene) -> None:
    scene.kill_step_at(PACKS_AT_THE_KILL)


def try_again(scene: SparkScene) -> None:
    """Under the same name, so that it is the same run to the stages; none of what is in the store is computed again."""
    nothing_is_published(scene)
    result = scene.run_dag()
    assert result["state"] == "success", result["errors"]
    vectors, pictures = scene.vectors_of(scene.run), PACKS * PICTURES_IN_A_PACK
    assert vectors["reused"] >= PACKS_AT_THE_KILL * PICTURES_IN_A_PACK
    assert vectors["computed"] + vectors["reused"] == pictures
    scene.told.append(f"{vectors['reused']} of {pictures} vectors were there, {vectors['computed']} were computed")


PICTURES_IN_A_PACK = 32
"""How many `ingest_images` puts into each of the first packs."""
PACKS, PACKS_AT_THE_KILL = 7, 5

SPARK_FAULTS = (
    Fault(
        "a Python worker killed, as for want of memory",
        "success",
        strike=kill_python_worker,
        needs_spark=True,
    ),
    Fault(
        "featurize_images killed at 70 %, and tried again",
        "failed",
        r"\d+ of \d+ vectors were there",
        prepare=land_many,
        strike=kill_at_70_percent,
        afterwards=try_again,
        steps=(2, 2, 1, 1),
        clusters=2,
        published="new",
        needs_spark=True,
    ),
    Fault("manifest deleted between stages", "failed", "manifest", strike=delete_manifest, needs_spark=True),
    Fault(
        "a Parquet file truncated between stages", "failed", "images.*parquet", strike=truncate_images, needs_spark=True
    ),
)

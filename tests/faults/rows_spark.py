"""Faults of what only real Spark has: its workers, and the Parquet files that pass from stage to stage."""

from tests.faults.fault import Fault
from tests.faults.spark_scene import SparkScene


def kill_python_worker(scene: SparkScene) -> None:
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


SPARK_FAULTS = (
    Fault(
        "a Python worker killed, as for want of memory",
        "failed",
        "PythonWorkerLostError: a Python worker was killed",
        strike=kill_python_worker,
        needs_spark=True,
    ),
    Fault("manifest deleted between stages", "failed", "manifest", strike=delete_manifest, needs_spark=True),
    Fault(
        "a Parquet file truncated between stages", "failed", "images.*parquet", strike=truncate_images, needs_spark=True
    ),
)

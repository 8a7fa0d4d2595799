"""A bucket in which runs were published, one after another, as PublishOperator leaves it."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import STAGES
from emr_pipeline.snapshots.snapshot import Origin, snapshot_of
from tests.plugins.form import PARAMS

BUCKET = "pictures"
FIRST_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
STATS = {"rows_in": 2, "rows_out": 2, "rejects": {}, "details": {}}


def put(s3: Any, key: str, content: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())


def read(s3: Any, key: str) -> Any:
    return json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def stage_imagenet(s3: Any, backbone: str = "mobilenet_v2", sha256: str = "of the file") -> None:
    """What featurize_images leaves of Keras's own weights."""
    s3.put_object(Bucket=BUCKET, Key=f"models/{backbone}/file.h5", Body=b"weights")
    pointer = {"uri": f"s3://{BUCKET}/models/{backbone}/file.h5", "sha256": sha256}
    put(s3, f"models/{backbone}-imagenet.json", pointer)


def keys(s3: Any, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def latest(s3: Any) -> Any:
    """Null if nothing is published."""
    return read(s3, "published/latest.json") if keys(s3, "published/latest.json") else None


def make_run(s3: Any, run: str, images: int = 2) -> dict[str, Any]:
    """The folder of a complete run; its audit."""
    validation = {"verdict": "passed", "checks": [], "summary": {"images": images}}
    put(s3, f"runs/{run}/report/validation.json", validation)
    for stage in STAGES:
        put(s3, f"runs/{run}/stats/{stage.name}.json", STATS)
    parts = [f"{folder}/part-0.parquet" for folder in ("manifest", "features", "model", "pca_features")]
    for name in (*parts, "inventory.csv.gz", "report/index.html"):
        s3.put_object(Bucket=BUCKET, Key=f"runs/{run}/{name}", Body=b"of " + run.encode())
    return validation


def publish_run(s3: Any, run: str, hour: int = 0, images: int = 2, **changed: Any) -> dict[str, Any]:
    """Make a run and publish it, `hour` hours after the first; its snapshot."""
    validation, current = make_run(s3, run, images), latest(s3)
    origin = Origin.of(PARAMS, f"s3://{BUCKET}/code/v1", None)
    stats = {stage.name: STATS for stage in STAGES}
    at = FIRST_AT + timedelta(hours=hour)
    made = snapshot_of(RunLayout(BUCKET, run), f"manual__{run}", origin, validation, stats, at)
    snapshot = made | {"previous": current and current["snapshot"]} | changed
    put(s3, f"published/{snapshot['snapshot']}.json", snapshot)
    put(s3, "published/latest.json", snapshot)
    return snapshot


def freeze_inventory(s3: Any, run: str) -> None:
    """What ingest_images leaves: the listing, in S3's order."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["key", "size_bytes", "etag"])
    for found in s3.list_objects_v2(Bucket=BUCKET, Prefix="landing/")["Contents"]:
        rows.writerow([found["Key"], found["Size"], found["ETag"].strip('"')])
    body = gzip.compress(text.getvalue().encode())
    s3.put_object(Bucket=BUCKET, Key=f"runs/{run}/inventory.csv.gz", Body=body)

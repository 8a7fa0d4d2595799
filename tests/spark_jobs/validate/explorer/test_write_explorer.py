"""The explorer of a run in the S3 stand-in: looks are read by the sample's order, and what is new is told."""

import dataclasses
import json
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import MissingDatasetError, Unavailable
from image_features.schemas import FEATURES, LOOKS
from image_features.storage import objects
from image_features.storage.parquet_files import write_part
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.evidence.looks import gather_looks
from image_features.validate.evidence.nearest import find_nearest, nearest_of
from image_features.validate.explorer.known_before import new_since_last_snapshot
from image_features.validate.explorer.write_explorer import write_explorer
from image_features.validate.suspects.suspects import Flawed, Flaws, Suspect, Suspects
from tests.spark_jobs.made_up_run import asked, make_evidence

EVIDENCE = make_evidence()
URIS = EVIDENCE.sample.uris.tolist()


def look(number: int, uri: str) -> dict[str, Any]:
    measures = {"darkest": 0.1, "brightest": 0.9, "entropy": 6.0, "sharpness": 300.0, "colorfulness": 0.4}
    size = {"width_px": 100 + number, "height_px": 50, "thumbnail": f"webp {number}".encode()}
    return {"image_id": str(number), "uri": uri, "label": "Fig", "etag": f"e{number}", **size, **measures}


def write_looks(looks_uri: str) -> None:
    """Two files, in another order than the sample's, with an image that is not in the sample."""
    rows = [*[look(number, uri) for number, uri in enumerate(URIS)][::-1], look(999, "s3://b/other.jpg")]
    for part in (rows[:40], rows[40:]):
        table = pa.Table.from_pylist(part, to_arrow_schema(LOOKS))
        write_part(looks_uri, table.to_batches(), table.schema, [row["uri"] for row in part])


def with_arguments(prefix_uri: str, **changes: Any) -> Evidence:
    places: dict[str, Any] = {
        "report_uri": f"{prefix_uri}/report",
        "published_uri": f"{prefix_uri}/published/latest.json",
    }
    return dataclasses.replace(EVIDENCE, asked=dataclasses.replace(asked(), **places), **changes)


def publish(prefix_uri: str, etags: dict[str, str]) -> None:
    rows = [{"image_id": uri, "uri": uri, "etag": etag, "features": [0.5]} for uri, etag in etags.items()]
    table = pa.Table.from_pylist(rows, to_arrow_schema(FEATURES))
    write_part(f"{prefix_uri}/before/features", table.to_batches(), table.schema, list(etags))
    snapshot = {"snapshot": "before", "features_uri": f"{prefix_uri}/before/features"}
    objects.write_json(f"{prefix_uri}/published/latest.json", snapshot)


def test_looks_are_in_the_samples_order_and_all_are_measured(spark: SparkSession, prefix_uri: str) -> None:
    write_looks(f"{prefix_uri}/looks")
    uris = np.array([*URIS[:3], "s3://b/not-there.jpg"], dtype=object)
    looks = gather_looks(spark.sparkContext, f"{prefix_uri}/looks", uris)
    assert looks.measures.num_rows == len(URIS) + 1
    assert looks.sample["thumbnail"].to_pylist() == [b"webp 0", b"webp 1", b"webp 2", None]
    assert looks.sample["width_px"].to_pylist() == [100, 101, 102, None]
    with pytest.raises(MissingDatasetError):
        gather_looks(spark.sparkContext, f"{prefix_uri}/nothing", uris)


def test_the_nearest_on_the_workers_are_those_of_one_process(spark: SparkSession) -> None:
    vectors = EVIDENCE.sample.vectors
    np.testing.assert_array_equal(find_nearest(spark.sparkContext, vectors), nearest_of(vectors, 0, len(vectors)))


def test_the_explorer_knows_doubts_and_what_is_new(spark: SparkSession, prefix_uri: str) -> None:
    write_looks(f"{prefix_uri}/looks")
    # The second was changed, the third is new.
    publish(prefix_uri, {URIS[0]: "e0", URIS[1]: "other", **{uri: f"e{n}" for n, uri in enumerate(URIS) if n > 2}})
    doubts = Suspects(90, [Suspect(URIS[4], "Apple", "Fig", 0.9)])
    flaws = Flaws(90, [Flawed(URIS[5], "Apple", "dark"), Flawed("s3://b/other.jpg", None, "dark")], {"dark": 2}, [])
    evidence = with_arguments(prefix_uri, suspects=doubts, flaws=flaws)
    looks = gather_looks(spark.sparkContext, f"{prefix_uri}/looks", evidence.sample.uris)
    assert write_explorer(spark.sparkContext, evidence, looks)
    html = objects.read_bytes(f"{prefix_uri}/report/explorer.html").decode()
    (data,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', html, re.DOTALL)
    found = json.loads(data)
    assert found["count"] == len(URIS) and found["widths"][:2] == [100, 101]
    assert found["notes"] == {"4": "perhaps Fig, doubt 0.90", "5": "dark"}
    assert found["new"] == [1, 2]


def test_what_is_new_is_not_known_without_a_snapshot(spark: SparkSession, prefix_uri: str) -> None:
    evidence = with_arguments(prefix_uri)
    sample = pa.table({"uri": URIS, "etag": URIS})
    assert isinstance(new_since_last_snapshot(spark.sparkContext, evidence.asked, sample), Unavailable)
    objects.write_json(
        f"{prefix_uri}/published/latest.json", {"snapshot": "gone", "features_uri": f"{prefix_uri}/gone"}
    )
    found = new_since_last_snapshot(spark.sparkContext, evidence.asked, sample)
    assert isinstance(found, Unavailable) and "gone" in found.reason


def test_vectors_that_are_not_finite_make_no_explorer(spark: SparkSession, prefix_uri: str) -> None:
    write_looks(f"{prefix_uri}/looks")
    vectors = EVIDENCE.sample.vectors.copy()
    vectors[0, 0] = np.nan
    evidence = with_arguments(prefix_uri, sample=dataclasses.replace(EVIDENCE.sample, vectors=vectors))
    looks = gather_looks(spark.sparkContext, f"{prefix_uri}/looks", evidence.sample.uris)
    assert not write_explorer(spark.sparkContext, evidence, looks)

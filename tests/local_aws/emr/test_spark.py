"""A real spark-submit, once: what a job gets from `s3://`, and what it leaves there for boto3."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local_aws.conftest import Endpoint
from tests.local_aws.emr.harness import LocalEmr, command_step

STEP_LIMIT_S = 180

APPLICATION = """
import json, os, sys
from pathlib import Path

import boto3
import greeting                                     # from --py-files
from pyspark import SparkFiles
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
out = sys.argv[1]
numbers = spark.range(100).selectExpr("id", "id % 3 AS remainder")
numbers.repartition(4).write.partitionBy("remainder").parquet(out + "/numbers")
for rows in (9, 5):
    numbers.limit(rows).write.mode("overwrite").csv(out + "/csv")

def read(uri):
    try:
        return spark.read.text(uri).count()
    except Exception as error:
        return str(error)

def on_a_worker(_):
    return [greeting.HELLO, Path(SparkFiles.get("words.txt")).read_text(), os.environ.get("FROM_CONF")]

facts = {
    "sum": spark.read.parquet(out + "/numbers").selectExpr("sum(id)").first()[0],
    "csv_rows": spark.read.csv(out + "/csv").count(),
    "on_a_worker": spark.sparkContext.parallelize([0], 1).map(on_a_worker).first(),
    "archive": Path(SparkFiles.get("stuff"), "inside.txt").read_text(),
    "from_boto3": read(out.replace("s3:", "s3a:") + "/from_boto3.txt"),
    "unknown_bucket": read("s3://no-such-bucket/numbers"),
    "args": sys.argv[2:],
    "master": spark.sparkContext.master,
    "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
    "app_name": spark.sparkContext.appName,
    "driver_variable": os.environ.get("FROM_YARN"),
    "java_options": list(spark._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments()),
}
bucket = out.split("/")[2]
boto3.client("s3").put_object(Bucket=bucket, Key="facts.json", Body=json.dumps(facts).encode())
print("facts written")
raise SystemExit("ERROR MeantToFailError: the last line")
"""


def zipped(name: str, content: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture(scope="module")
def step(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """The finished step, with its logs; all that it needs was uploaded with boto3."""
    emr = LocalEmr(endpoint.client("emr"), endpoint.root, endpoint.work)
    s3 = endpoint.client("s3")
    for bucket in ("logs", "spark-code", "spark-data"):
        s3.create_bucket(Bucket=bucket)
    for key, body in (
        ("app.py", APPLICATION.encode()),
        ("words.txt", b"words"),
        ("greeting.zip", zipped("greeting.py", "HELLO = 'hello'")),
        ("stuff.zip", zipped("inside.txt", "inside")),
    ):
        s3.put_object(Bucket="spark-code", Key=f"jobs/{key}", Body=body)
    s3.put_object(Bucket="spark-data", Key="out/from_boto3.txt", Body=b"one\ntwo\n")
    defaults = {"spark.sql.shuffle.partitions": "3", "spark.executor.memory": "900g", "spark.master": "yarn"}
    cluster_id = emr.run(Configurations=[{"Classification": "spark-defaults", "Properties": defaults}])
    [step_id] = emr.add(
        cluster_id,
        command_step(
            *("spark-submit", "--deploy-mode", "cluster", "--master", "yarn", "--executor-memory", "900g"),
            *("--driver-java-options", "-Dfrom.the.step=yes"),
            *(
                "--name",
                "a name",
                "--conf",
                "spark.yarn.appMasterEnv.FROM_YARN=yes",
                "--conf=spark.executorEnv.FROM_CONF=too",
            ),
            *("--py-files", "s3://spark-code/jobs/greeting.zip", "--files", "s3://spark-code/jobs/words.txt"),
            *("--archives", "s3://spark-code/jobs/stuff.zip#stuff"),
            *("s3://spark-code/jobs/app.py", "s3://spark-data/out", "--master", "kept"),
        ),
    )
    finished = emr.wait_for_step(cluster_id, step_id, limit_s=STEP_LIMIT_S)
    logs = {name: emr.log(cluster_id, f"steps/{step_id}/{name}") for name in ("controller", "stdout", "stderr")}
    yield {**finished, "Logs": logs}
    emr.client.terminate_job_flows(JobFlowIds=[cluster_id])


@pytest.fixture(scope="module")
def facts(endpoint: Endpoint, step: dict[str, Any]) -> dict[str, Any]:
    s3 = endpoint.client("s3")
    keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket="spark-data")["Contents"]}
    assert "facts.json" in keys, step["Logs"]["stderr"]
    written: dict[str, Any] = json.load(s3.get_object(Bucket="spark-data", Key="facts.json")["Body"])
    return written


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("sum", 4950),
        ("csv_rows", 5),
        ("on_a_worker", ["hello", "words", "too"]),
        ("archive", "inside"),
        ("from_boto3", 2),
        ("args", ["--master", "kept"]),
        ("master", "local["),
        ("partitions", "3"),
        ("app_name", "a name"),
        ("driver_variable", "yes"),
    ],
)
def test_a_job_gets_what_its_step_says(facts: dict[str, Any], fact: str, expected: object) -> None:
    found = facts[fact]
    assert found.startswith(expected) if fact == "master" else found == expected


def test_java_starts_fast_and_keeps_the_steps_own_options(facts: dict[str, Any]) -> None:
    assert {"-XX:TieredStopAtLevel=1", "-Dfrom.the.step=yes"} <= set(facts["java_options"])


def test_a_bucket_that_does_not_exist_is_an_error_and_not_the_root_of_the_machine(facts: dict[str, Any]) -> None:
    assert "Could not initialize target File System for URI : s3://no-such-bucket/" in facts["unknown_bucket"]


def test_boto3_lists_exactly_what_spark_committed(endpoint: Endpoint, facts: dict[str, Any]) -> None:
    pages = endpoint.client("s3").get_paginator("list_objects_v2").paginate(Bucket="spark-data", Prefix="out/")
    keys = [entry["Key"] for page in pages for entry in page["Contents"]]
    parquet = [key for key in keys if key.endswith(".parquet")]
    assert {key.split("/")[2] for key in parquet} == {"remainder=0", "remainder=1", "remainder=2"}
    csv = [key for key in keys if key.endswith(".csv")]
    others = set(keys) - set(parquet) - set(csv)
    assert others == {"out/numbers/_SUCCESS", "out/csv/_SUCCESS", "out/from_boto3.txt"}


def test_spark_leaves_no_checksum_files_and_no_unfinished_folders(endpoint: Endpoint, facts: dict[str, Any]) -> None:
    left = [path.name for bucket in ("spark-code", "spark-data") for path in (endpoint.root / bucket).rglob("*")]
    assert [name for name in left if name.endswith(".crc") or name == "_temporary"] == []


def test_the_steps_logs_are_the_jobs_own(step: dict[str, Any]) -> None:
    assert step["Status"]["State"] == "FAILED"
    assert step["Status"]["FailureDetails"]["Message"] == "ERROR MeantToFailError: the last line"
    assert step["Logs"]["stdout"] == "facts written\n"
    assert " INFO " not in step["Logs"]["stderr"]
    assert "Without effect on one machine: spark.executor.memory, spark.master" in step["Logs"]["controller"]

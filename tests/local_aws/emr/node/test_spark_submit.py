"""spark-submit's arguments, rewritten for one machine."""

from __future__ import annotations

import pytest

from local_aws.emr.node.spark_submit import is_cluster_property, localize

LOCAL = ["--master", "local[2,2]", "--deploy-mode", "client", "--driver-memory", "1g"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("app.py a b", "app.py a b"),
        ("--deploy-mode cluster --master yarn app.py", "app.py"),
        ("--master=yarn --deploy-mode=cluster app.py", "app.py"),
        (
            "--num-executors 9 --executor-memory 8g --executor-cores 4 --driver-memory 9g --driver-cores 2 app.py",
            "app.py",
        ),
        ("--queue urgent --total-executor-cores 8 app.py", "app.py"),
        ("--py-files s3://b/a.zip --files s3://b/f --archives s3://b/v.tgz#v --jars s3://b/j.jar app.py", None),
        ("--name x --class org.example.Main --packages a:b:1 s3://b/app.jar", None),
        ("--verbose --supervise app.py", None),
        ("--conf spark.sql.shuffle.partitions=7 app.py", None),
        ("--conf spark.executor.memory=9g -c spark.master=yarn app.py", "app.py"),
        ("--conf=spark.dynamicAllocation.enabled=true app.py", "app.py"),
        ("--conf spark.yarn.maxAppAttempts=1 --name x app.py", "--name x app.py"),
        ("app.py --master yarn --conf spark.executor.memory=1g", None),
        ("--unknown-switch app.py", None),
        ("--version", None),
    ],
)
def test_only_what_describes_the_cluster_is_left_out(written: str, kept: str | None) -> None:
    expected = written if kept is None else kept
    assert list(localize(written.split(), cores=2, driver_memory="1g").args) == LOCAL + expected.split()


def test_a_value_may_hold_spaces_and_equals_signs() -> None:
    written = ["--driver-java-options", "-Da=b -Dc=d", "--conf", "spark.a=b=c d", "app.py", ""]
    assert list(localize(written, cores=2, driver_memory="1g").args) == LOCAL + written


def test_what_yarn_would_set_for_the_driver_becomes_its_environment() -> None:
    submit = localize(["--conf", "spark.yarn.appMasterEnv.MODE=a=b", "app.py"], cores=1, driver_memory="1g")
    assert submit.environment == {"MODE": "a=b"}
    assert submit.args[-1] == "app.py" and len(submit.args) == len(LOCAL) + 1


@pytest.mark.parametrize(
    ("written", "python"),
    [
        ("app.py", None),
        ("--conf spark.pyspark.python=/venv/python app.py", "/venv/python"),
        (
            "--conf=spark.pyspark.driver.python=/driver/python --conf spark.pyspark.python=/venv/python app.py",
            "/driver/python",
        ),
        ("app.py --conf spark.pyspark.python=/not/this", None),
    ],
)
def test_the_drivers_python_is_the_one_that_is_asked_for(written: str, python: str | None) -> None:
    assert localize(written.split(), cores=1, driver_memory="1g").driver_python == python


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spark.master", True),
        ("spark.executor.memory", True),
        ("spark.executor.instances", True),
        ("spark.driver.memoryOverhead", True),
        ("spark.executor.pyspark.memory", True),
        ("spark.dynamicAllocation.maxExecutors", True),
        ("spark.hadoop.fs.s3.impl", True),
        ("spark.hadoop.fs.s3a.impl", True),
        ("spark.executor.memoryFraction", False),
        ("spark.executor.extraJavaOptions", False),
        ("spark.executorEnv.A", False),
        ("spark.driver.maxResultSize", False),
        ("spark.sql.shuffle.partitions", False),
        ("spark.hadoop.fs.s3a.endpoint", False),
    ],
)
def test_properties_that_describe_the_cluster_are_known(name: str, expected: bool) -> None:
    assert is_cluster_property(name) is expected

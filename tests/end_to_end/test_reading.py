"""The examples of docs/reading.md, word by word, on a small published snapshot."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local_aws.emr.node.environment import java_home
from local_aws.emr.node.spark_conf import core_site, spark_defaults
from tests.end_to_end.conftest import REPOSITORY, Machine
from tools.local.endpoint import start_endpoint, wait_for_endpoint
from tools.local.home import local_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RUN = "s3://fruit-features/runs/read-me"
# Two files, as a dataset has several; ids out of order, as Spark writes them.
WRITE = """
import sys, pyarrow as arrow, pyarrow.parquet as parquet
from pathlib import Path
for name, width in (("features", 4), ("pca_features", 2)):
    folder = Path(sys.argv[1]) / name
    folder.mkdir(parents=True)
    for part, ids in enumerate((["c", "a"], ["b"])):
        vectors = arrow.array([[float(ord(i) - 96)] * width for i in ids], arrow.list_(arrow.float32()))
        parquet.write_table(arrow.table({"image_id": ids, name: vectors}), folder / f"part-{part}.parquet")
    (folder / "_SUCCESS").touch()
"""


def examples() -> list[str]:
    page = (REPOSITORY / "docs" / "reading.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


@pytest.fixture
def published(machine: Machine) -> Machine:
    python = str(machine.home.spark_env_path / "bin" / "python")
    subprocess.run([python, "-c", WRITE, str(machine.run_path("read-me"))], check=True)
    snapshot = {"snapshot": "s", "features_uri": f"{RUN}/features", "pca_features_uri": f"{RUN}/pca_features"}
    folder = machine.home.bucket_path / "published"
    folder.mkdir(parents=True)
    (folder / "latest.json").write_text(json.dumps(snapshot))
    start_endpoint(machine.home)
    wait_for_endpoint(machine.home)
    return machine


def run_example(machine: Machine, code: str, say: str, **variables: str) -> Any:
    """What the last line says, of the example run in the Spark environment and followed by `say`."""
    python = str(machine.home.spark_env_path / "bin" / "python")
    done = subprocess.run(
        [python, "-c", f"{code}\nprint(json.dumps({say}))"],
        env=local_environment(machine.home, dict(os.environ)) | variables,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_there_is_one_for_pandas_and_one_for_spark_and_they_are_short() -> None:
    of_pandas, of_spark = examples()

    assert "import pandas" in of_pandas and "pyspark" not in of_pandas
    assert "import SparkSession" in of_spark and "pandas" not in of_spark
    assert all(len([line for line in code.splitlines() if line]) <= 10 for code in (of_pandas, of_spark))


def test_the_one_for_pandas_comes_to_a_matrix(published: Machine) -> None:
    said = run_example(
        published, examples()[0], "[sorted(pca_features['image_id']), matrix.shape, matrix.sum().item()]"
    )

    assert said == [["a", "b", "c"], [3, 2], 12.0]


def test_the_one_for_spark_comes_to_both_vectors_of_each_image(published: Machine, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "core-site.xml").write_text(core_site({}, [published.home.bucket_path]))
    (conf / "spark-defaults.conf").write_text(spark_defaults({"spark.master": "local[1]"}, tmp_path / "warehouse"))

    said = run_example(
        published,
        examples()[1],
        "[list(row) for row in both.orderBy('image_id').collect()]",
        JAVA_HOME=java_home(published.home.spark_env_path),
        SPARK_CONF_DIR=str(conf),
        HADOOP_CONF_DIR=str(conf),
        SPARK_LOCAL_IP="127.0.0.1",
        SPARK_SUBMIT_OPTS="-XX:TieredStopAtLevel=1",
    )

    assert said == [["a", [1.0] * 2, [1.0] * 4], ["b", [2.0] * 2, [2.0] * 4], ["c", [3.0] * 2, [3.0] * 4]]

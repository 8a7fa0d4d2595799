"""A spark-submit's environment with and without an archive of classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_aws.emr.node.class_archive import java_environment, properties_option

CONF = Path("/cluster/conf")


@pytest.fixture
def archived(tmp_path: Path) -> Path:
    (tmp_path / "class-archive").mkdir()
    (tmp_path / "class-archive" / "spark.jsa").touch()
    return tmp_path


def test_with_an_archive_the_configuration_goes_by_the_properties_file(archived: Path) -> None:
    environment = java_environment(archived, asked="")
    assert environment["SPARK_CONF_DIR"] == f"{archived}/class-archive/empty-conf"
    assert f"-XX:SharedArchiveFile={archived}/class-archive/spark.jsa" in environment["SPARK_SUBMIT_OPTS"].split()
    assert properties_option(archived, CONF, ["app.py"]) == ["--properties-file", "/cluster/conf/spark-defaults.conf"]


def test_without_an_archive_spark_reads_its_configuration_folder_itself(tmp_path: Path) -> None:
    assert java_environment(tmp_path, asked="") == {"SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1"}
    assert properties_option(tmp_path, CONF, ["app.py"]) == []


@pytest.mark.parametrize("named", [["--properties-file", "mine.conf"], ["--properties-file=mine.conf"]])
def test_a_step_that_names_a_properties_file_keeps_it(archived: Path, named: list[str]) -> None:
    assert properties_option(archived, CONF, [*named, "app.py"]) == []


def test_what_the_cluster_asks_of_java_comes_last_and_so_wins(archived: Path, tmp_path: Path) -> None:
    asked = "-XX:TieredStopAtLevel=4"
    assert java_environment(archived, asked)["SPARK_SUBMIT_OPTS"].endswith(asked)
    assert java_environment(tmp_path / "none", asked)["SPARK_SUBMIT_OPTS"].endswith(asked)

"""The configuration files of steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from local_aws.emr.node.spark_conf import core_site, log4j2_properties, read_configurations, spark_defaults

CONFIGURATIONS: list[dict[str, Any]] = [
    {
        "Classification": "spark-defaults",
        "Properties": {
            "spark.sql.shuffle.partitions": "7",
            "spark.executor.memory": "900g",
            "spark.yarn.appMasterEnv.MODE": "fast",
        },
    },
    {
        "Classification": "spark-env",
        "Configurations": [{"Classification": "export", "Properties": {"TF_NUM_INTRAOP_THREADS": "1"}}],
    },
    {"Classification": "core-site", "Properties": {"fs.s3.impl": "org.example.Emrfs", "io.file.buffer.size": "65536"}},
    {"Classification": "spark-log4j2", "Properties": {"rootLogger.level": "info"}},
    {"Classification": "yarn-site", "Properties": {"yarn.nodemanager.vmem-check-enabled": "false"}},
]


def properties_of(core_site_xml: str) -> dict[str, str]:
    found = ElementTree.fromstring(core_site_xml).iter("property")
    return {p.findtext("name", ""): p.findtext("value", "") for p in found}


def test_configurations_are_sorted_by_what_they_are_for() -> None:
    configuration = read_configurations(CONFIGURATIONS)
    assert configuration.spark_defaults == {"spark.sql.shuffle.partitions": "7"}
    assert configuration.environment == {"MODE": "fast", "TF_NUM_INTRAOP_THREADS": "1"}
    assert configuration.core_site["io.file.buffer.size"] == "65536"
    assert configuration.logging == {"rootLogger.level": "info"}
    assert configuration.ignored == ["spark.executor.memory", "yarn-site"]


def test_what_the_cluster_asks_for_comes_before_the_defaults() -> None:
    text = spark_defaults({"spark.ui.enabled": "true"}, Path("/clusters/warehouse"))
    assert "spark.ui.enabled true\n" in text and "spark.ui.enabled false" not in text


@pytest.mark.parametrize(
    ("value", "written"),
    [(r"a\d+", r"a\\d+"), ("two\nlines", r"two\nlines"), ("-Da=b -Dc=d", "-Da=b -Dc=d"), ("a:b", "a:b")],
)
def test_values_are_written_as_java_reads_them(value: str, written: str) -> None:
    assert f"spark.key {written}\n" in spark_defaults({"spark.key": value}, Path("/w"))


def test_every_bucket_is_mounted_whatever_its_folder_is_called() -> None:
    properties = properties_of(core_site({}, [Path("/data/a b&c/one-bucket"), Path("/data/two.bucket")]))
    assert properties["fs.viewfs.mounttable.one-bucket.linkFallback"] == "rawlocal:///data/a%20b%26c/one-bucket"
    assert properties["fs.viewfs.mounttable.two.bucket.linkFallback"] == "rawlocal:///data/two.bucket"


def test_no_cluster_can_change_what_s3_is_and_no_unknown_bucket_is_the_root_of_the_machine() -> None:
    properties = properties_of(core_site({"fs.s3.impl": "org.example.Emrfs", "other": "<kept>"}, []))
    assert properties["fs.s3.impl"].endswith("ViewFileSystemOverloadScheme")
    assert properties["other"] == "<kept>"
    assert not any("target" in name for name in properties)


def test_spark_is_quiet_unless_asked() -> None:
    assert "rootLogger.level = warn\n" in log4j2_properties({})
    assert "rootLogger.level = info\n" in log4j2_properties({"rootLogger.level": "info"})

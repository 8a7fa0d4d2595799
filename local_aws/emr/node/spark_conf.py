"""Configuration files of a step, made of the cluster's Configurations and the existing buckets. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from local_aws.emr.node.spark_submit import driver_variable, is_cluster_property

S3_SCHEMES = ("s3", "s3a", "s3n")

_LOGGING = {
    "rootLogger.level": "warn",
    "rootLogger.appenderRef.stderr.ref": "stderr",
    "appender.stderr.type": "Console",
    "appender.stderr.name": "stderr",
    "appender.stderr.target": "SYSTEM_ERR",
    "appender.stderr.layout.type": "PatternLayout",
    "appender.stderr.layout.pattern": "%d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex",
    "logger.native.name": "org.apache.hadoop.util.NativeCodeLoader",
    "logger.native.level": "error",
}
"""Spark logs what went wrong and nothing else, so that a step's stderr is its own."""


@dataclass
class ClusterConfiguration:
    """The meaning of a cluster's Configurations for its steps."""

    spark_defaults: dict[str, str] = field(default_factory=dict)
    core_site: dict[str, str] = field(default_factory=dict)
    logging: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    """Classifications and properties that have no meaning on one machine."""


def read_configurations(configurations: Sequence[Mapping[str, Any]]) -> ClusterConfiguration:
    """Sort RunJobFlow's Configurations by what they are for."""
    result = ClusterConfiguration()
    for configuration in configurations:
        classification = configuration.get("Classification", "")
        properties = dict(configuration.get("Properties") or {})
        if classification == "spark-defaults":
            _read_spark_defaults(properties, result)
        elif classification == "core-site":
            result.core_site |= properties
        elif classification == "spark-log4j2":
            result.logging |= properties
        elif classification == "spark-env":
            for nested in configuration.get("Configurations") or []:
                if nested.get("Classification") == "export":
                    result.environment |= nested.get("Properties") or {}
        else:
            result.ignored.append(classification)
    return result


def _read_spark_defaults(properties: Mapping[str, str], result: ClusterConfiguration) -> None:
    for name, value in properties.items():
        if variable := driver_variable(name):
            result.environment[variable] = value
        elif is_cluster_property(name):
            result.ignored.append(name)
        else:
            result.spark_defaults[name] = value


def spark_defaults(asked: Mapping[str, str], warehouse_path: Path) -> str:
    """Return the text of spark-defaults.conf."""
    properties = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.authenticate": "true",  # the machine's other users reach the driver's ports; Spark makes a secret itself
        "spark.sql.warehouse.dir": warehouse_path.as_uri(),
        **asked,
    }
    return _java_properties(properties, " ")


def core_site(asked: Mapping[str, str], bucket_paths: Iterable[Path]) -> str:
    """Return the text of core-site.xml, in which every bucket is a mount of its folder.

    `rawlocal` is the local file system without its .crc files. On purpose,
    `fs.viewfs.overload.scheme.target.s3.impl` is not set: with it, a bucket that does not exist would be the
    machine's root.
    """
    properties = dict(asked) | {"fs.rawlocal.impl": "org.apache.hadoop.fs.RawLocalFileSystem"}
    for scheme in S3_SCHEMES:
        properties[f"fs.{scheme}.impl"] = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
        properties[f"fs.AbstractFileSystem.{scheme}.impl"] = "org.apache.hadoop.fs.viewfs.ViewFs"
    for path in bucket_paths:
        link = path.absolute().as_uri().replace("file:", "rawlocal:", 1)
        properties[f"fs.viewfs.mounttable.{path.name}.linkFallback"] = link
    lines = [
        f"  <property><name>{escape(name)}</name><value>{escape(value)}</value></property>\n"
        for name, value in properties.items()
    ]
    return f'<?xml version="1.0"?>\n<configuration>\n{"".join(lines)}</configuration>\n'


def log4j2_properties(asked: Mapping[str, str]) -> str:
    """Return the text of log4j2.properties."""
    return _java_properties({**_LOGGING, **asked}, " = ")


def _java_properties(properties: Mapping[str, str], separator: str) -> str:
    """Write names and values so that java.util.Properties reads them back."""
    lines = []
    for name, value in properties.items():
        for special in ("\\", " ", ":", "="):
            name = name.replace(special, f"\\{special}")
        value = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        lines.append(f"{name}{separator}{value}\n")
    return "".join(lines)

"""Rewrite of a cluster's spark-submit for one machine: sizes and master go, everything else stays. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

OPTIONS_WITH_VALUE = frozenset(
    {
        "--archives", "--class", "--conf", "-c", "--deploy-mode", "--driver-class-path", "--driver-cores",
        "--driver-java-options", "--driver-library-path", "--driver-memory", "--exclude-packages", "--executor-cores",
        "--executor-memory", "--files", "--jars", "--keytab", "--kill", "--master", "--name", "--num-executors",
        "--packages", "--principal", "--properties-file", "--proxy-user", "--py-files", "--queue", "--remote",
        "--repositories", "--status", "--total-executor-cores",
    }
)  # fmt: skip
"""The options of Spark's SparkSubmitOptionParser that have a value. Every other option is a switch."""

CLUSTER_OPTIONS = frozenset(
    {
        "--deploy-mode", "--driver-cores", "--driver-memory", "--executor-cores", "--executor-memory", "--master",
        "--num-executors", "--queue", "--total-executor-cores",
    }
)  # fmt: skip
"""The options that say how big the cluster is and who schedules it. Here one machine of known size does."""

_CLUSTER_PROPERTY = re.compile(
    r"""spark\.( master | submit\.deployMode
        | (driver|executor)\.(cores|memory|memoryOverhead|memoryOverheadFactor|instances)
        | executor\.pyspark\.memory | cores\.max
        | dynamicAllocation\..* | shuffle\.service\..* | yarn\..*
        | hadoop\.fs\.(AbstractFileSystem\.)?s3[an]?\.impl )""",
    re.VERBOSE,
)
"""The properties that say the same, and those that name the file system of `s3://`."""

DRIVER_PYTHON, PYTHON = "spark.pyspark.driver.python", "spark.pyspark.python"

_DRIVER_ENVIRONMENT_PREFIX = "spark.yarn.appMasterEnv."
_ASSIGNED_OPTION = re.compile(r"(--[^=]+)=(.+)", re.DOTALL)


@dataclass(frozen=True)
class SparkSubmit:
    """The arguments of `spark-submit`, and the environment and the Python of its driver."""

    args: tuple[str, ...]
    environment: dict[str, str]
    driver_python: str | None
    """None means what the cluster's configuration says."""


def is_cluster_property(name: str) -> bool:
    """Return whether a Spark property describes the cluster, and so has no meaning on one machine.

    >>> is_cluster_property("spark.executor.memory"), is_cluster_property("spark.sql.shuffle.partitions")
    (True, False)
    """
    return _CLUSTER_PROPERTY.fullmatch(name) is not None


def driver_variable(name: str) -> str | None:
    """Return the environment variable that a property sets in the driver when YARN starts it, or None."""
    return name.removeprefix(_DRIVER_ENVIRONMENT_PREFIX) if name.startswith(_DRIVER_ENVIRONMENT_PREFIX) else None


def localize(args: Sequence[str], cores: int, driver_memory: str) -> SparkSubmit:
    """Rewrite the arguments of a cluster's spark-submit to run as `local[cores,2]` with the driver on this machine.

    As on a cluster, a task that failed is tried again: the second attempt finds the photograph that killed the first.
    """
    kept: list[str] = ["--master", f"local[{cores},2]", "--deploy-mode", "client", "--driver-memory", driver_memory]
    properties: dict[str, str] = {}
    for option, value, words in _split(args):
        if option in CLUSTER_OPTIONS:
            continue
        if option in ("--conf", "-c"):
            name, _, properties[name] = (value or "").partition("=")
            if name == DRIVER_PYTHON or is_cluster_property(name):
                continue
        kept += words
    environment = {variable: value for name, value in properties.items() if (variable := driver_variable(name))}
    return SparkSubmit(tuple(kept), environment, properties.get(DRIVER_PYTHON) or properties.get(PYTHON))


def _split(args: Sequence[str]) -> Iterator[tuple[str | None, str | None, Sequence[str]]]:
    """List each option, its value and its words; last, without an option, the application and its arguments."""
    position = 0
    while position < len(args):
        word = args[position]
        if not word.startswith("-"):
            yield None, None, args[position:]
            return
        if assigned := _ASSIGNED_OPTION.fullmatch(word):
            yield assigned[1], assigned[2], [word]
            position += 1
        elif word in OPTIONS_WITH_VALUE:
            words = args[position : position + 2]
            yield word, words[1] if len(words) == 2 else None, words
            position += 2
        else:
            yield word, None, [word]
            position += 1

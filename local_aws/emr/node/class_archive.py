"""Pure: how a spark-submit starts with the classes that tools/env/archive_classes.py archived, seconds sooner.

Java takes the archive only if the class path begins as it did when the archive was made. spark-submit puts its
configuration folder first, so that one must be the archive's empty one; the step's own configuration goes by the
properties file, and by HADOOP_CONF_DIR, which comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# A step lives for seconds or minutes on a few cores, where Java's second compiler takes more time than it saves.
_SHORT_LIFE = "-XX:TieredStopAtLevel=1"
# Where the archive does not fit after all, Java goes on without it, and would say so in the step's stdout.
_QUIET = "-Xlog:cds=off -Xlog:cds+dynamic=off"


def java_environment(spark_env: Path, asked: str) -> dict[str, str]:
    """The variables of a spark-submit that make its JVM start fast; `asked`, and the step's own options, come after."""
    archive, empty_conf = _archive(spark_env), spark_env / "class-archive" / "empty-conf"
    if not archive.exists():
        return {"SPARK_SUBMIT_OPTS": f"{_SHORT_LIFE} {asked}".strip()}
    options = f"{_SHORT_LIFE} {_QUIET} -XX:SharedArchiveFile={archive} {asked}"
    return {"SPARK_SUBMIT_OPTS": options.strip(), "SPARK_CONF_DIR": str(empty_conf)}


def properties_option(spark_env: Path, conf_path: Path, given: Sequence[str]) -> list[str]:
    """The option that stands in for SPARK_CONF_DIR's own file; a step that names a file has no other, as always."""
    is_named = any(word.partition("=")[0] == "--properties-file" for word in given)
    if is_named or not _archive(spark_env).exists():
        return []
    return ["--properties-file", str(conf_path / "spark-defaults.conf")]


def _archive(spark_env: Path) -> Path:
    return spark_env / "class-archive" / "spark.jsa"

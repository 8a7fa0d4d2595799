"""`featurize_images` with its tasks in executors of their own, as on a cluster, instead of in the driver's JVM."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.cluster import command_step
from benchmarks.featurizing import OURS, FeaturizeCase
from tools.local.home import LocalHome

ONE_PROCESS = "driver and tasks in one JVM"
EXECUTOR_MEMORY_MIB = 1024


def steps(case: FeaturizeCase, cores: int) -> dict[str, Mapping[str, Any]]:
    """By the name under which each is reported: executors times cores is the machine's cores, or fewer."""
    stage_step = case.stage_step(OURS)
    words = stage_step["HadoopJarStep"]["Args"]
    spark_home = _spark_home(case.home)
    found: dict[str, Mapping[str, Any]] = {ONE_PROCESS: stage_step}
    for executors in range(1, cores + 1):
        for executor_cores in range(1, cores // executors + 1):
            name = f"{_counted(executors, 'executor')} of {_counted(executor_cores, 'core')}"
            master = f"local-cluster[{executors},{executor_cores},{EXECUTOR_MEMORY_MIB}]"
            # A command that is no spark-submit by name: the local EMR gives the master of those itself.
            submit = ["env", f"SPARK_HOME={spark_home}", "spark-submit", "--master", master]
            # The endpoint has Spark ask for a secret, which only the driver's own JVM makes by itself.
            submit += ["--conf", f"spark.authenticate.secret={secrets.token_hex(16)}"]
            submit += ["--executor-memory", f"{EXECUTOR_MEMORY_MIB}m", "--driver-memory", "2g"]
            found[name] = command_step(name, [*submit, *words[1:]])
    return found


def _spark_home(home: LocalHome) -> Path:
    """Our Spark under another path: its workers keep their files in SPARK_HOME, whatever they are told."""
    (spark,) = (home.spark_env_path / "lib").glob("python*/site-packages/pyspark")
    folder = home.root / "spark-home"
    folder.mkdir(exist_ok=True)
    for entry in spark.iterdir():
        link = folder / entry.name
        if not link.is_symlink():
            link.symlink_to(entry)
    return folder


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("s" if number > 1 else "")

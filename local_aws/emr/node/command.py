"""Command of a step: a program or a script, from the jar and the arguments of its HadoopJarStep. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from local_aws.emr.node.spark_submit import SparkSubmit, localize

_SCRIPT_RUNNER = re.compile(r"(s3://[^/]*elasticmapreduce/libs/script-runner/)?script-runner\.jar")
_NEEDS_HADOOP = frozenset({"s3-dist-cp", "hadoop", "hdfs", "yarn", "mapred", "hive-script", "hive", "pig-script"})


class CommandError(Exception):
    """A step or a bootstrap action that cannot be started. The text goes to the stderr that its author reads."""


@dataclass(frozen=True)
class Command:
    """A program of the node and its arguments, or a script that has to be fetched from S3 first."""

    args: tuple[str, ...]
    """The arguments of the script, or the program and its arguments."""
    script_uri: str | None = None
    spark_submit: SparkSubmit | None = None
    """The same for a spark-submit, whose program lies on the node."""


def step_command(jar: str, args: Sequence[str], cores: int, driver_memory: str) -> Command:
    """Return the command of a step, and raise CommandError for a jar or a program that this endpoint does not run.

    >>> step_command("command-runner.jar", ["bash", "-c", "exit 3"], cores=2, driver_memory="1g").args
    ('bash', '-c', 'exit 3')
    """
    if _SCRIPT_RUNNER.fullmatch(jar):
        if not args:
            raise CommandError("script-runner.jar needs a script: its first argument is the script's URI")
        return Command(tuple(args[1:]), script_uri=args[0])
    if jar != "command-runner.jar":
        raise CommandError(
            f"{jar} does not run here: this endpoint has no Hadoop. It runs command-runner.jar (spark-submit and other "
            "programs) and script-runner.jar (a script from S3)"
        )
    if not args:
        raise CommandError("command-runner.jar needs a program: its first argument, for example spark-submit")
    program, *rest = args
    if program in _NEEDS_HADOOP:
        raise CommandError(f"{program} does not run here: it needs Hadoop, and this endpoint has only Spark and Python")
    if program.rpartition("/")[2] == "spark-submit":
        submit = localize(rest, cores, driver_memory)
        return Command(("spark-submit", *submit.args), spark_submit=submit)
    return Command(tuple(args))

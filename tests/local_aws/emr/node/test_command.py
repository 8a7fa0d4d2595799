"""From a step's jar and arguments to what is run."""

from __future__ import annotations

import pytest

from local_aws.emr.node.command import Command, CommandError, step_command


@pytest.mark.parametrize(
    ("jar", "args", "expected"),
    [
        ("command-runner.jar", ["bash", "-c", "exit 3"], Command(("bash", "-c", "exit 3"))),
        ("command-runner.jar", ["python3", "-V"], Command(("python3", "-V"))),
        (
            "s3://eu-west-1.elasticmapreduce/libs/script-runner/script-runner.jar",
            ["s3://b/run.sh", "one"],
            Command(("one",), script_uri="s3://b/run.sh"),
        ),
        ("script-runner.jar", ["s3://b/run.sh"], Command((), script_uri="s3://b/run.sh")),
    ],
)
def test_the_two_runners_run(jar: str, args: list[str], expected: Command) -> None:
    assert step_command(jar, args, cores=2, driver_memory="1g") == expected


@pytest.mark.parametrize("program", ["spark-submit", "/usr/bin/spark-submit", "/usr/lib/spark/bin/spark-submit"])
def test_spark_submit_is_the_one_of_the_spark_environment_wherever_emr_has_it(program: str) -> None:
    command = step_command("command-runner.jar", [program, "--master", "yarn", "app.py"], cores=3, driver_memory="2g")
    assert command.args[:3] == ("spark-submit", "--master", "local[3,2]")
    assert command.args[-1] == "app.py" and "yarn" not in command.args


@pytest.mark.parametrize(
    ("jar", "args", "said"),
    [
        ("s3://b/my-job.jar", ["a"], "s3://b/my-job.jar does not run here"),
        ("command-runner.jar", [], "needs a program"),
        ("command-runner.jar", ["s3-dist-cp", "--src", "x"], "s3-dist-cp does not run here"),
        ("command-runner.jar", ["hadoop", "fs", "-ls"], "hadoop does not run here"),
        ("script-runner.jar", [], "needs a script"),
    ],
)
def test_what_cannot_run_here_is_refused_with_a_reason(jar: str, args: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        step_command(jar, args, cores=2, driver_memory="1g")

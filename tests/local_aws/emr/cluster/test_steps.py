"""Steps: what they run, in which order, how they end, and what is told of it."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from local_aws.emr.node.command_log import CommandLog
from tests.local_aws.emr.harness import LocalEmr, bash_step, command_step, wait_until


def jar_step(jar: str, *args: str) -> dict[str, Any]:
    return {"Name": "jar", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": jar, "Args": list(args)}}


def test_a_step_runs_its_command_and_completes(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    [step_id] = local_emr.add(cluster_id, bash_step("echo to stdout; echo to stderr >&2", name="both"))
    step = local_emr.wait_for_step(cluster_id, step_id)
    assert step["Status"]["State"] == "COMPLETED" and "FailureDetails" not in step["Status"]
    assert step["Name"] == "both" and step["Config"]["Args"][:2] == ["bash", "-c"]
    timeline = step["Status"]["Timeline"]
    assert timeline["CreationDateTime"] <= timeline["StartDateTime"] < timeline["EndDateTime"]
    assert local_emr.log(cluster_id, f"steps/{step_id}/stdout") == "to stdout\n"
    assert local_emr.log(cluster_id, f"steps/{step_id}/stderr") == "to stderr\n"
    assert "Ended with exit code 0" in local_emr.note(cluster_id, step_id)


@pytest.mark.parametrize(
    ("step", "reason", "message"),
    [
        (
            bash_step("echo first >&2; echo ERROR BadError: the last >&2; exit 3"),
            "Unknown Error.",
            "ERROR BadError: the last",
        ),
        (bash_step("exit 4"), "Unknown Error.", "Ended with exit code 4, and the step wrote nothing to stderr"),
        (bash_step("kill -9 $$"), "Unknown Error.", "Ended by SIGKILL, and the step wrote nothing to stderr"),
        (jar_step("s3://code/mine.jar"), "Illegal Argument.", "s3://code/mine.jar does not run here: this endpoint"),
        (
            jar_step("script-runner.jar", "s3://code/missing.sh"),
            "Illegal Argument.",
            "the script s3://code/missing.sh cannot be fetched: No such file",
        ),
        (
            jar_step("script-runner.jar", "s3://../../etc/passwd"),
            "Illegal Argument.",
            "the script s3://../../etc/passwd cannot be fetched: 's3://../../etc/passwd': '..' is not a bucket name",
        ),
        (command_step("no-such-program"), "Illegal Argument.", 'Cannot run program "no-such-program": not found'),
    ],
)
def test_a_failed_step_says_why_and_where_to_read_on(
    local_emr: LocalEmr, step: dict[str, Any], reason: str, message: str
) -> None:
    cluster_id = local_emr.run()
    [step_id] = local_emr.add(cluster_id, step)
    status = local_emr.wait_for_step(cluster_id, step_id)["Status"]
    assert status["State"] == "FAILED"
    assert status["FailureDetails"]["Reason"] == reason
    assert status["FailureDetails"]["Message"].startswith(message)
    assert status["FailureDetails"]["LogFile"] == f"s3://logs/emr/{cluster_id}/steps/{step_id}/stderr.gz"
    if reason == "Illegal Argument.":
        assert local_emr.log(cluster_id, f"steps/{step_id}/stderr").startswith(message)
    local_emr.wait_for_state(cluster_id, "WAITING")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('#!/usr/bin/env python3\nimport sys\nprint("python", sys.argv[1:])\n', "python ['one', 'two words']\n"),
        ('echo "bash $1 $2"\n', "bash one two words\n"),
    ],
)
def test_script_runner_runs_a_script_from_s3(local_emr: LocalEmr, script: str, said: str) -> None:
    uri = local_emr.put("s3://code/run-me", script)
    cluster_id = local_emr.run()
    runner = "s3://eu-west-1.elasticmapreduce/libs/script-runner/script-runner.jar"
    [step_id] = local_emr.add(cluster_id, jar_step(runner, uri, "one", "two words"))
    assert local_emr.wait_for_step(cluster_id, step_id)["Status"]["State"] == "COMPLETED"
    assert local_emr.log(cluster_id, f"steps/{step_id}/stdout") == said


def test_steps_run_one_after_another(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    scripts = ['sleep 0.3; echo one >> "$TMPDIR/order"', 'echo two >> "$TMPDIR/order"', 'cat "$TMPDIR/order"']
    step_ids = local_emr.add(cluster_id, *[bash_step(script) for script in scripts])
    local_emr.wait_for_step(cluster_id, step_ids[0], "RUNNING")
    assert local_emr.state(cluster_id) == "RUNNING"
    assert local_emr.step_state(cluster_id, step_ids[1]) == "PENDING"
    local_emr.wait_for_step(cluster_id, step_ids[2])
    assert local_emr.log(cluster_id, f"steps/{step_ids[2]}/stdout") == "one\ntwo\n"


def test_steps_run_as_many_at_a_time_as_the_cluster_allows(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run(StepConcurrencyLevel=3)
    step_ids = local_emr.add(cluster_id, *[bash_step("sleep 60") for _ in range(4)])

    def running() -> int:
        return sum(local_emr.step_state(cluster_id, step_id) == "RUNNING" for step_id in step_ids)

    wait_until("three steps run", lambda: running() == 3)
    time.sleep(0.2)
    assert running() == 3
    assert local_emr.step_state(cluster_id, step_ids[3]) == "PENDING"


@pytest.mark.parametrize(
    ("on_failure", "next_state", "cluster_state"),
    [
        ("CONTINUE", "COMPLETED", "WAITING"),
        ("CANCEL_AND_WAIT", "CANCELLED", "WAITING"),
        ("TERMINATE_CLUSTER", "CANCELLED", "TERMINATED_WITH_ERRORS"),
        ("TERMINATE_JOB_FLOW", "CANCELLED", "TERMINATED_WITH_ERRORS"),
    ],
)
def test_what_a_failure_means_for_the_next_steps(
    local_emr: LocalEmr, on_failure: str, next_state: str, cluster_state: str
) -> None:
    cluster_id = local_emr.run()
    failing, following = local_emr.add(
        cluster_id, bash_step("sleep 0.1; exit 1", on_failure=on_failure), bash_step("true")
    )
    assert local_emr.wait_for_step(cluster_id, failing)["Status"]["State"] == "FAILED"
    assert local_emr.wait_for_step(cluster_id, following)["Status"]["State"] == next_state
    local_emr.wait_for_state(cluster_id, cluster_state)


def test_steps_are_listed_newest_first_and_by_state_and_id(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    good, bad = local_emr.add(cluster_id, bash_step("true"), bash_step("false"))
    local_emr.wait_for_step(cluster_id, bad)

    def listed(**filters: Any) -> list[str]:
        return [step["Id"] for step in local_emr.client.list_steps(ClusterId=cluster_id, **filters)["Steps"]]

    assert listed() == [bad, good]
    assert listed(StepStates=["COMPLETED"]) == [good]
    assert listed(StepStates=["FAILED", "COMPLETED"]) == [bad, good]
    assert listed(StepIds=[good]) == [good]
    assert listed(StepIds=[good, bad]) == [bad, good]


def test_a_step_sees_little_of_the_endpoints_own_environment(
    local_emr: LocalEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "secret")
    monkeypatch.setenv("PYTHONPATH", "secret")
    exports = [{"Classification": "export", "Properties": {"FROM_CLUSTER": "yes", "AWS_ENDPOINT_URL": "not this"}}]
    cluster_id = local_emr.run(Configurations=[{"Classification": "spark-env", "Configurations": exports}])
    [step_id] = local_emr.add(cluster_id, command_step("env"))
    local_emr.wait_for_step(cluster_id, step_id)
    lines = local_emr.log(cluster_id, f"steps/{step_id}/stdout").splitlines()
    env = dict(line.split("=", 1) for line in lines)
    assert "secret" not in env.values()
    assert env["AWS_ENDPOINT_URL"] == local_emr.client.meta.endpoint_url
    assert env["AWS_REGION"] == "eu-west-1" and env["FROM_CLUSTER"] == "yes"
    assert env["PYSPARK_PYTHON"].endswith("/bin/python") and env["JAVA_HOME"]


def test_a_bucket_that_was_made_while_the_cluster_lives_is_there_for_the_next_step(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    local_emr.wait_for_state(cluster_id, "WAITING")
    local_emr.put("s3://made-later/key", "x")
    (local_emr.buckets_root / "no-bucket").symlink_to("/")
    [step_id] = local_emr.add(cluster_id, bash_step('cat "$HADOOP_CONF_DIR/core-site.xml"'))
    local_emr.wait_for_step(cluster_id, step_id)
    conf = ElementTree.fromstring(local_emr.log(cluster_id, f"steps/{step_id}/stdout"))
    names = {p.findtext("name") for p in conf.iter("property")}
    assert "fs.viewfs.mounttable.made-later.linkFallback" in names
    assert "fs.viewfs.mounttable.no-bucket.linkFallback" not in names


def test_live_logs_grow_while_a_step_runs(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    [step_id] = local_emr.add(cluster_id, bash_step("echo early; sleep 60"))
    live = local_emr.live_log(cluster_id, f"steps/{step_id}/stdout")
    wait_until("the first line", lambda: live.exists() and live.read_text() == "early\n")
    assert local_emr.step_state(cluster_id, step_id) == "RUNNING"


def test_a_log_bucket_that_is_not_there_costs_the_logs_only(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run(LogUri="s3://no-such-bucket/logs")
    [step_id] = local_emr.add(cluster_id, bash_step("echo said"))
    assert local_emr.wait_for_step(cluster_id, step_id)["Status"]["State"] == "COMPLETED"
    assert local_emr.live_log(cluster_id, f"steps/{step_id}/stdout").read_text() == "said\n"
    assert "the bucket does not exist" in local_emr.live_log(cluster_id, f"steps/{step_id}/controller").read_text()
    assert not (local_emr.buckets_root / "no-such-bucket").exists()


def test_a_link_in_a_bucket_takes_neither_scripts_nor_logs_out_of_the_buckets(
    local_emr: LocalEmr, tmp_path: Path
) -> None:
    (tmp_path / "script").write_text("echo from outside\n")
    (local_emr.buckets_root / "linked").mkdir(exist_ok=True)
    (local_emr.buckets_root / "linked" / "out").symlink_to(tmp_path)
    cluster_id = local_emr.run(LogUri="s3://linked/out")
    [step_id] = local_emr.add(cluster_id, jar_step("script-runner.jar", "s3://linked/out/script"))
    failure = local_emr.wait_for_step(cluster_id, step_id)["Status"]["FailureDetails"]
    assert "leads out of the folder of the buckets" in failure["Message"]
    assert (
        "leads out of the folder of the buckets"
        in local_emr.live_log(cluster_id, f"steps/{step_id}/controller").read_text()
    )
    assert [path.name for path in tmp_path.iterdir()] == ["script"]


def test_a_full_disk_fails_the_step_and_neither_the_cluster_nor_the_endpoint(
    local_emr: LocalEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cluster_id = local_emr.run()
    local_emr.wait_for_state(cluster_id, "WAITING")
    with monkeypatch.context() as full_disk:
        full_disk.setattr(CommandLog, "start", no_space)
        full_disk.setattr(Path, "write_text", no_space)
        [step_id] = local_emr.add(cluster_id, bash_step("true"))
        status = local_emr.wait_for_step(cluster_id, step_id)["Status"]
    assert status["State"] == "FAILED" and "No space left on device" in status["FailureDetails"]["Message"]
    [step_id] = local_emr.add(cluster_id, bash_step("true"))
    assert local_emr.wait_for_step(cluster_id, step_id)["Status"]["State"] == "COMPLETED"


def test_without_a_log_uri_there_is_no_log_file_to_name(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run(LogUri="")
    [step_id] = local_emr.add(cluster_id, bash_step("echo why >&2; exit 1"))
    failure = local_emr.wait_for_step(cluster_id, step_id)["Status"]["FailureDetails"]
    assert failure == {"Reason": "Unknown Error.", "Message": "why"}

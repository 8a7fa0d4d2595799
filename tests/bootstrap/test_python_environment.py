"""Bootstrap action 10: installs what is locked, notices what is right, never touches a person's environment."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.bootstrap.conftest import BOOTSTRAP, REPOSITORY, Node, Wheel

APPLE, PEAR = Wheel("apple"), Wheel("pear", "2.5")
TINY_LOCK = APPLE.pin + PEAR.pin


def installed(venv: Path) -> dict[str, str]:
    listed = subprocess.run([venv / "bin/python", "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    return dict(line.split("==") for line in listed.stdout.split() if "==" in line)


@pytest.mark.slow
def test_a_bare_node_gets_what_is_locked_and_only_another_lock_changes_it(node: Node) -> None:
    node.stage(TINY_LOCK, APPLE, PEAR)

    first = node.run("10_python_environment.sh")
    assert first.returncode == 0, first.stderr
    assert installed(node.venv) == {"apple": "1.0", "pear": "2.5"}
    made_at = (node.venv / "pyvenv.cfg").stat().st_mtime_ns

    second = node.run("10_python_environment.sh")
    assert second.returncode == 0
    assert "already right" in second.stdout
    assert (node.venv / "pyvenv.cfg").stat().st_mtime_ns == made_at

    newer = Wheel("apple", "2.0")
    node.stage(newer.pin, newer)
    assert node.run("10_python_environment.sh").returncode == 0
    assert installed(node.venv) == {"apple": "2.0"}


@pytest.mark.slow
def test_a_package_whose_hash_is_not_the_locked_one_fails_the_node(node: Node) -> None:
    node.stage(f"{APPLE.pin.splitlines()[0]}\n    --hash=sha256:{'0' * 64}\n", APPLE)

    failed = node.run("10_python_environment.sh")

    assert failed.returncode != 0
    assert "HASHES" in failed.stderr


@pytest.mark.slow
def test_a_wheel_that_is_not_there_fails_the_node_and_is_named(node: Node) -> None:
    node.stage(TINY_LOCK, APPLE)

    failed = node.run("10_python_environment.sh")

    assert failed.returncode == 1
    assert "pear==2.5" in failed.stderr
    assert re.search(r"EnvironmentMismatchError: .*/wheels/[0-9a-f]{16}/ .*make wheels$", failed.stderr)


def test_a_lock_that_is_not_there_fails_the_node_and_names_it(node: Node) -> None:
    failed = node.run("10_python_environment.sh")
    assert failed.returncode != 0
    assert "code/1/bootstrap/requirements.txt" in failed.stderr
    assert failed.stderr.splitlines()[-1].startswith("ERROR NodeAccessError: ")


@pytest.mark.slow
def test_a_lock_without_a_pin_fails_the_node(node: Node) -> None:
    node.stage("# empty\n")
    failed = node.run("10_python_environment.sh")
    assert failed.returncode != 0
    assert "holds no pin" in failed.stderr


@pytest.mark.slow
def test_nodes_that_come_with_their_environment_are_never_installed_into(node: Node) -> None:
    node.stage(TINY_LOCK, APPLE, PEAR)
    assert node.run("10_python_environment.sh").returncode == 0
    node.wheels_uri = "none"
    node.stage(TINY_LOCK.replace("apple==", "apple==0"))
    before = installed(node.venv)

    refused = node.run("10_python_environment.sh")

    assert refused.returncode == 1
    assert re.search(r"apple: locked 0\S+, installed \d", refused.stderr)
    assert refused.stderr.splitlines()[-1].startswith("ERROR EnvironmentMismatchError: ")
    assert refused.stderr.rstrip().endswith("make setup")
    assert installed(node.venv) == before


@pytest.mark.slow
def test_a_node_asks_s3_of_the_clusters_region(node: Node) -> None:
    node.stage(TINY_LOCK)
    aws = node.folder / "bin" / "aws"
    aws.write_text(aws.read_text().replace("set -eu", 'set -eu\necho "$AWS_REGION $AWS_DEFAULT_REGION" >&2'))

    asked = node.run("10_python_environment.sh", region="eu-west-3").stderr.splitlines()[:3]

    assert asked == ["eu-west-3 eu-west-3"] * 3


def test_three_arguments_are_asked_for(node: Node) -> None:
    for script in ("10_python_environment.sh", "20_verify_environment.sh"):
        done = subprocess.run([BOOTSTRAP / script, "a", "b"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (2, f"usage: {script} VENV REQUIREMENTS_URI WHEELS_URI [REGION]\n")


def test_the_nodes_locks_are_parts_of_the_spark_environments() -> None:
    def pins(path: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (REPOSITORY / path).read_text(encoding="utf-8"), re.MULTILINE))

    locks = ("bootstrap/requirements.txt", "bootstrap/requirements-tensorflow.txt", "requirements/spark.txt")
    small, large, spark = map(pins, locks)
    assert small < large < spark < pins("requirements/spark-dev.txt")
    assert [pin for pin in small if pin.startswith(("tensor", "grpcio"))] == []

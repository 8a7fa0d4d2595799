"""Bootstrap action 10: installs what is locked, notices what is right, never touches a person's environment."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.bootstrap.conftest import BOOTSTRAP, REPOSITORY, Node


def pin(name: str) -> str:
    """The block of one package in the project's own lock, hashes and all."""
    lock = (BOOTSTRAP / "requirements.txt").read_text(encoding="utf-8")
    match = re.search(rf"^{name}==[^\n]*(\n    [^\n]*)*\n", lock, re.MULTILINE)
    assert match is not None, f"{name} is locked"
    return match.group(0)


@pytest.fixture(scope="module")
def tiny_lock() -> str:
    return pin("six") + pin("jmespath")


def installed(venv: Path) -> dict[str, str]:
    listed = subprocess.run([venv / "bin/python", "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    return dict(line.split("==") for line in listed.stdout.split() if "==" in line)


@pytest.mark.slow
def test_a_bare_node_gets_what_is_locked_and_a_second_run_does_nothing(node: Node, tiny_lock: str) -> None:
    node.stage(tiny_lock)

    first = node.run("10_python_environment.sh")
    assert first.returncode == 0, first.stderr
    assert [f"{name}=={version}" for name, version in installed(node.venv).items()] == sorted(
        re.findall(r"^\S+==\S+", tiny_lock, re.MULTILINE)
    )
    made_at = (node.venv / "pyvenv.cfg").stat().st_mtime_ns

    second = node.run("10_python_environment.sh")
    assert second.returncode == 0
    assert "already right" in second.stdout
    assert (node.venv / "pyvenv.cfg").stat().st_mtime_ns == made_at


@pytest.mark.slow
def test_an_environment_that_differs_is_built_anew(node: Node, tiny_lock: str) -> None:
    node.stage(pin("six"))
    assert node.run("10_python_environment.sh").returncode == 0
    node.stage(pin("jmespath"))

    assert node.run("10_python_environment.sh").returncode == 0

    assert list(installed(node.venv)) == ["jmespath"]


@pytest.mark.slow
def test_a_package_whose_hash_is_not_the_locked_one_fails_the_node(node: Node) -> None:
    version = pin("six").splitlines()[0]
    node.stage(f"{version}\n    --hash=sha256:{'0' * 64}\n")

    failed = node.run("10_python_environment.sh")

    assert failed.returncode != 0
    assert "HASHES" in failed.stderr


def test_a_lock_that_is_not_there_fails_the_node_and_names_it(node: Node) -> None:
    failed = node.run("10_python_environment.sh")
    assert failed.returncode != 0
    assert "code/1/bootstrap/requirements.txt" in failed.stderr


@pytest.mark.slow
def test_a_lock_without_a_pin_fails_the_node(node: Node) -> None:
    node.stage("# empty\n")
    failed = node.run("10_python_environment.sh")
    assert failed.returncode != 0
    assert "holds no pin" in failed.stderr


@pytest.mark.slow
def test_an_environment_of_make_setup_is_never_installed_into(node: Node, tiny_lock: str) -> None:
    node.stage(tiny_lock)
    assert node.run("10_python_environment.sh").returncode == 0
    (node.venv / "MANAGED_BY_MAKE_SETUP").touch()
    node.stage(tiny_lock.replace("six==", "six==0"))
    before = installed(node.venv)

    refused = node.run("10_python_environment.sh")

    assert refused.returncode == 1
    assert re.search(r"six: locked 0\S+, installed \d", refused.stderr)
    assert refused.stderr.splitlines()[-1].startswith("ERROR EnvironmentMismatchError: ")
    assert refused.stderr.rstrip().endswith("make setup")
    assert installed(node.venv) == before


def test_a_node_asks_s3_of_the_clusters_region(node: Node, tiny_lock: str) -> None:
    node.stage(tiny_lock)
    aws = node.folder / "bin" / "aws"
    aws.write_text(aws.read_text().replace("set -eu", 'set -eu\necho "$AWS_REGION $AWS_DEFAULT_REGION" >&2'))
    node.environment["PIP_NO_INDEX"] = "1"

    asked = node.run("10_python_environment.sh", region="eu-west-3").stderr.splitlines()[:2]

    assert asked == ["eu-west-3 eu-west-3"] * 2


def test_two_arguments_are_asked_for(node: Node) -> None:
    for script in ("10_python_environment.sh", "20_verify_environment.sh"):
        done = subprocess.run([BOOTSTRAP / script], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (2, f"usage: {script} VENV REQUIREMENTS_URI [REGION]\n")


def test_the_nodes_lock_is_a_part_of_the_spark_environments() -> None:
    def pins(path: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (REPOSITORY / path).read_text(encoding="utf-8"), re.MULTILINE))

    assert pins("bootstrap/requirements.txt") < pins("requirements/spark.txt") < pins("requirements/spark-dev.txt")

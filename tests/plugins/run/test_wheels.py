"""Which wheels a node needs, by the project's own locks and by small ones."""

import subprocess
from pathlib import Path

import pytest

from emr_pipeline.run.wheels import LOCKS, missing_wheels, node_pins, wheels_key
from run_contract.param_queries import param_named

BOOTSTRAP = Path(__file__).resolve().parents[3] / "bootstrap"
LOCK = b"""# written by make lock
apple==1.0 ; python_full_version < '3.12' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
apple==2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
pear_tree==3 ; sys_platform == 'win32' \\
    --hash=sha256:dd
Plum.Tree==4.post1 \\
    --hash=sha256:ee
"""


def test_a_node_needs_the_pins_of_its_python_and_its_system() -> None:
    assert [pin.line for pin in node_pins(LOCK)] == [
        "apple==1.0 --hash=sha256:aa --hash=sha256:bb",
        "plum-tree==4.post1 --hash=sha256:ee",
    ]


def test_a_wheel_of_another_version_or_with_another_ending_is_missing() -> None:
    there = ["apple-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", "plum_tree-4.post1-1-py3-none-any.whl"]
    assert missing_wheels(LOCK, [*there, "notes.txt"]) == []
    assert missing_wheels(LOCK, ["apple-2.0-py3-none-any.whl", "plum_tree-4.post1.tar.gz"]) == [
        "apple 1.0",
        "plum-tree 4.post1",
    ]


def test_every_engine_has_a_lock_and_tensorflow_is_in_its_own_alone() -> None:
    assert set(LOCKS) == set(param_named("engine").choices)
    names = {engine: {pin.name for pin in node_pins((BOOTSTRAP / lock).read_bytes())} for engine, lock in LOCKS.items()}
    assert names["tensorflow"] > names["openvino"] > {"boto3", "keras", "numpy", "openvino"}
    assert "tensorflow-cpu" in names["tensorflow"] - names["openvino"]


@pytest.mark.parametrize("lock", LOCKS.values())
def test_the_folder_is_called_as_the_bootstrap_script_calls_it(lock: str) -> None:
    script = (BOOTSTRAP / "10_python_environment.sh").read_text(encoding="utf-8")
    assert 'sha256sum "$work/requirements.txt" | cut -c 1-16' in script
    command = f"sha256sum {BOOTSTRAP / lock} | cut -c 1-16"
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)

    assert wheels_key((BOOTSTRAP / lock).read_bytes()) == said.stdout.strip()

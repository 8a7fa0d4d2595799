"""What `make wheels` asks pip for, and what it says when that does not come."""

import sys
from pathlib import Path

import pytest

from tests.bootstrap.conftest import Wheel
from tools.env.wheels import WheelsError, download_wheels, main

APPLE, PEAR = Wheel("apple"), Wheel("pear", "2.5")
LOCK = (
    APPLE.pin
    + PEAR.pin.replace(" \\", " ; python_full_version >= '3.11' \\", 1)
    + 'plum==1 ; sys_platform == "win32"\n'
)
PIP = """import pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
asked = pathlib.Path(sys.argv[sys.argv.index("--requirement") + 1]).read_text()
(folder.parent / "asked.txt").write_text(asked + "\\n" + " ".join(sys.argv[1:]))
for name in {names!r}:
    (folder / name).touch()
"""


def pip_that_brings(folder: Path, *wheels: Wheel) -> list[str]:
    program = folder / "pip.py"
    program.write_text(PIP.format(names=[wheel.file_name for wheel in wheels]))
    return [sys.executable, str(program)]


def test_pip_is_asked_for_the_nodes_pins_and_no_others_by_their_hashes(tmp_path: Path) -> None:
    download_wheels(LOCK.encode(), tmp_path / "wheels", pip_that_brings(tmp_path, APPLE, PEAR))

    first, second, command = (tmp_path / "asked.txt").read_text().splitlines()
    assert first.startswith("apple==1.0 --hash=sha256:")
    assert second.startswith("pear==2.5 --hash=sha256:")
    assert {"--require-hashes", "--no-deps", "manylinux_2_28_x86_64", "manylinux2014_x86_64"} < set(command.split())
    # EMR's Amazon Linux has glibc 2.34.
    assert "manylinux_2_34_x86_64" in command
    assert "manylinux_2_35_x86_64" not in command


def test_a_wheel_that_did_not_come_is_named(tmp_path: Path) -> None:
    with pytest.raises(WheelsError, match=r"missing: \['pear 2\.5'\]"):
        download_wheels(LOCK.encode(), tmp_path / "wheels", pip_that_brings(tmp_path, APPLE))


def test_a_lock_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(WheelsError, match=r"LOCK=tensorflow: give one of requirements\.txt, requirements-tensorflow"):
        main(["tensorflow"])

"""A bare node without any network but S3 gets the real environment from the real wheels, fast enough."""

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emr_pipeline.run.wheels import LOCKS, wheels_key
from tests.bootstrap.conftest import BOOTSTRAP, REPOSITORY, base_python
from tools.local.home import LocalHome

logger = logging.getLogger(__name__)

NO_NETWORK = ["unshare", "--net", "--map-root-user"]
MOST_S, MOST_MB = 90, 1000


def is_possible(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", LOCKS)
def test_a_node_without_internet_is_installed_from_the_bucket(tmp_path: Path, engine: str) -> None:
    lock = BOOTSTRAP / LOCKS[engine]
    wheels = LocalHome.from_environment().root / "wheels" / wheels_key(lock.read_bytes())
    if not wheels.is_dir():
        pytest.skip(f"{wheels} is not there: make wheels LOCK={lock.name}")
    if not is_possible(*NO_NETWORK, "ip", "link", "set", "lo", "up"):
        pytest.skip("this user may not make a network namespace by unshare, or there is no command ip")
    shutil.copytree(wheels, tmp_path / "wheels", copy_function=os.link)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.11").symlink_to(base_python())
    aws = tmp_path / "bin" / "aws"
    aws.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("aws_command.py")}" "$@"\n')
    aws.chmod(0o755)

    command = [*NO_NETWORK, sys.executable, "-m", "tests.bootstrap.offline_node", str(tmp_path), lock.name]
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}", "TMPDIR": str(tmp_path)}
    subprocess.run(command, env=environment, check=True)

    result = json.loads((tmp_path / "result.json").read_text())
    logger.info("%s: %.0f s, %d MB", engine, result["wall_s"], result["disk_mb"])
    assert result["codes"] == [0, 0], result["output"]
    assert not result["internet"]
    if engine == "openvino":
        assert result["wall_s"] < MOST_S
        assert result["disk_mb"] < MOST_MB

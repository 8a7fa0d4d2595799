"""The endpoint's process: started once, and never taken for another checkout's."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tools.errors import PortInUseError
from tools.local.endpoint import is_healthy, start_endpoint, wait_for_endpoint
from tools.local.home import LocalHome, local_environment
from tools.local.processes import find_background, stop_backgrounds


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalHome]:
    real = LocalHome.from_environment()
    (tmp_path / "envs").mkdir()
    for name in ("airflow", "spark"):
        (tmp_path / "envs" / name).symlink_to(real.root / "envs" / name)
    home = LocalHome(root=tmp_path, aws_port=free_port())
    yield home
    stop_backgrounds(home, ["local_aws"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_it_is_started_once_and_another_checkouts_is_not_taken_for_ours(home: LocalHome, tmp_path: Path) -> None:
    start_endpoint(home)
    wait_for_endpoint(home)
    first = find_background(home, "local_aws")
    start_endpoint(home)
    assert find_background(home, "local_aws") == first
    other = LocalHome(root=tmp_path / "other", aws_port=home.aws_port)
    assert is_healthy(home) and not is_healthy(other)
    with pytest.raises(PortInUseError):
        start_endpoint(other)


def test_it_is_as_hard_as_aws_where_that_is_asked(home: LocalHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_AWS_LIKE", "aws")
    monkeypatch.setenv("LOCAL_AWS_HARD", "requests_per_s=7 offline_steps=0")
    start_endpoint(home)
    wait_for_endpoint(home)
    found = find_background(home, "local_aws")
    said = psutil.Process(found.pid).cmdline()
    assert said[-3:] == ["--like=aws", "--hard=requests_per_s=7", "--hard=offline_steps=0"]


@pytest.mark.slow
def test_a_port_that_something_else_holds_is_one_error_with_the_port_and_the_remedy(home: LocalHome) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.aws_port))
        other.listen()
        says = rf"port {home.aws_port} .*LOCAL_AWS_PORT={home.aws_port + 1} "
        with pytest.raises(PortInUseError, match=says):
            start_endpoint(home)


@pytest.fixture
def open_home() -> Iterator[LocalHome]:
    """A home that everybody can enter, as older versions made it, in a folder that everybody can enter."""
    folder = Path(tempfile.mkdtemp())
    real = LocalHome.from_environment()
    home = LocalHome(root=folder / "home", aws_port=free_port())
    home.root.mkdir()
    (home.root / "envs").symlink_to(real.root / "envs")
    for path in (folder, home.root):
        path.chmod(0o755)
    yield home
    stop_backgrounds(home, ["local_aws"])
    shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_another_user_can_neither_read_the_home_nor_give_the_endpoint_an_order(open_home: LocalHome) -> None:
    start_endpoint(open_home)
    wait_for_endpoint(open_home)
    (open_home.s3_path / "fruits").mkdir()
    (open_home.s3_path / "fruits" / "pear").write_text("a pear")
    endpoint = find_background(open_home, "local_aws")

    def as_nobody(program: str) -> str:
        """All that the program could read: its refusals go elsewhere."""
        nobody: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": "/"}
        done = subprocess.run(["bash", "-c", program], env={"PATH": "/bin:/usr/bin"}, stdout=subprocess.PIPE, **nobody)
        return done.stdout.decode()

    def ask(*lines: str) -> str:
        request = "\\r\\n".join([f"{lines[0]} HTTP/1.1", "Host: localhost", *lines[1:], "Connection: close", "", ""])
        return as_nobody(f"exec 3<>/dev/tcp/127.0.0.1/{open_home.aws_port}; printf '{request}' >&3; cat <&3")

    for path in (open_home.root, open_home.s3_path / "fruits" / "pear", open_home.airflow_path / "secrets.json"):
        assert as_nobody(f"ls {path}/; cat {path}") == ""
    processes = as_nobody(f"cat /proc/{endpoint.pid}/cmdline /proc/{endpoint.pid}/environ")
    assert f"--port={open_home.aws_port}" in processes
    environment = local_environment(open_home)
    assert environment["AWS_ACCESS_KEY_ID"] not in processes and environment["AWS_SECRET_ACCESS_KEY"] not in processes
    for order in (
        ["GET /fruits/pear"],
        ["DELETE /fruits/pear"],
        ["POST /", "X-Amz-Target: ElasticMapReduce.RunJobFlow"],
    ):
        assert " 403 " in ask(*order)
    assert " 404 " in ask("POST /moto-api/reset")
    health = ask("GET /_local_aws/health")
    assert " 200 " in health and str(open_home.root) not in health
    assert (open_home.s3_path / "fruits" / "pear").read_text() == "a pear"

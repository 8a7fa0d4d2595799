"""The endpoint's process: started once, and never taken for another checkout's."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.errors import PortInUseError
from tools.local.endpoint import is_healthy, start_endpoint, wait_for_endpoint
from tools.local.home import LocalHome
from tools.local.processes import find_background, stop_background


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalHome]:
    real = LocalHome.from_environment()
    (tmp_path / "envs").mkdir()
    for name in ("airflow", "spark"):
        (tmp_path / "envs" / name).symlink_to(real.root / "envs" / name)
    home = LocalHome(root=tmp_path, aws_port=free_port())
    yield home
    stop_background(home.run_path, "local_aws")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_it_is_started_once_and_another_checkouts_is_not_taken_for_ours(home: LocalHome, tmp_path: Path) -> None:
    start_endpoint(home)
    wait_for_endpoint(home)
    first = find_background(home.run_path, "local_aws")
    start_endpoint(home)
    assert find_background(home.run_path, "local_aws") == first
    other = LocalHome(root=tmp_path / "other", aws_port=home.aws_port)
    assert is_healthy(home) and not is_healthy(other)
    with pytest.raises(PortInUseError):
        start_endpoint(other)


@pytest.mark.slow
def test_a_port_that_something_else_holds_is_one_error_with_the_port_and_the_remedy(home: LocalHome) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.aws_port))
        other.listen()
        says = rf"port {home.aws_port} .*LOCAL_AWS_PORT={home.aws_port + 1} "
        with pytest.raises(PortInUseError, match=says):
            start_endpoint(home)

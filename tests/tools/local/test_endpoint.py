"""The shared endpoint: started by the first, stopped by the last, and never another's."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.errors import PortInUseError
from tools.local.endpoint import endpoint_in_use, is_healthy, keep_endpoint, release_endpoint
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


def test_it_lives_as_long_as_the_last_that_uses_it(home: LocalHome) -> None:
    with endpoint_in_use(home):
        first = find_background(home.run_path, "local_aws")
        with endpoint_in_use(home):
            assert find_background(home.run_path, "local_aws") == first
        assert is_healthy(home)
    assert not is_healthy(home)
    assert find_background(home.run_path, "local_aws") is None


def test_make_up_keeps_it_beyond_a_run_and_make_down_leaves_it_to_one(home: LocalHome) -> None:
    keep_endpoint(home)
    with endpoint_in_use(home):
        pass
    assert is_healthy(home)
    with endpoint_in_use(home):
        assert release_endpoint(home) is False
        assert is_healthy(home)
    assert not is_healthy(home)


def test_a_port_that_something_else_holds_is_one_error_with_the_port_and_the_remedy(home: LocalHome) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.aws_port))
        other.listen()
        says = rf"port {home.aws_port} .*LOCAL_AWS_PORT={home.aws_port + 1} "
        with pytest.raises(PortInUseError, match=says), endpoint_in_use(home):
            pass


def test_the_endpoint_of_another_checkout_is_not_taken_for_ours(home: LocalHome, tmp_path: Path) -> None:
    other = LocalHome(root=tmp_path / "other", aws_port=home.aws_port)
    with endpoint_in_use(home), pytest.raises(PortInUseError), endpoint_in_use(other):
        pass

"""All services of one machine, the endpoint and Airflow: `make up`, `make down`, and what `make run` and others use.

The first that needs the services starts them, all share them, and the last one that leaves stops them; `make up` keeps
them until `make down`. Every run holds a shared lock on a file while it uses them, which the kernel takes back when the
run is killed.
"""

import fcntl
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from tools.errors import ServicesInUseError, ToolError, run_tool
from tools.local import endpoint
from tools.local.airflow_api import end_abandoned_runs
from tools.local.airflow_processes import PROCESSES, is_airflow_up, start_airflow, wait_for_airflow
from tools.local.database import migrate_database
from tools.local.home import AIRFLOW_USER, LocalHome, airflow_password
from tools.local.interrupts import interrupt, on_endings
from tools.local.processes import stop_backgrounds


@contextmanager
def services_in_use(home: LocalHome, with_airflow: bool = True) -> Iterator[None]:
    """Have the services started before the block, and stopped after it unless somebody else uses them.

    They may still be starting inside the block. Without Airflow, only the endpoint is started.
    """
    with _users_file(home) as users:
        try:
            with _starting(home):
                _stop_unused(home, users)
                fcntl.flock(users, fcntl.LOCK_SH)
                if with_airflow:
                    _start(home, by_schedule=home.kept_path.exists())
                else:
                    endpoint.start_endpoint(home)
            yield
        finally:
            with on_endings(signal.SIG_IGN), _starting(home):
                _stop_unused(home, users)


def up(home: LocalHome) -> None:
    """Start what does not run yet, and return when Airflow says that all of it is healthy."""
    if home.kept_path.exists() and is_airflow_up(home):
        print(_address(home))
        return
    with _users_file(home) as users, _starting(home):
        if not home.kept_path.exists() and not _is_unused(users):
            # Its scheduler starts no DAG by itself.
            raise ServicesInUseError("make up")
        _stop_unused(home, users)
        print("starting Airflow")
        try:
            _start(home, by_schedule=True)
        except ToolError:
            if not home.kept_path.exists():
                stop_services(home)
            raise
        home.kept_path.touch()
    endpoint.wait_for_endpoint(home)
    wait_for_airflow(home)
    end_abandoned_runs(home)
    print(f"{_address(home)}\nits logs: {home.logs_path}\nstop it: make down")


def _address(home: LocalHome) -> str:
    return f"Airflow is up: {home.airflow_url}, user {AIRFLOW_USER}, password {airflow_password(home)}"


def down(home: LocalHome) -> None:
    """Stop what `up` started, or what a killed run left; a run that uses the services stops them itself at its end."""
    ran, is_used = list[str](), False
    for one in _homes(home):
        try:
            ran += _stop_unless_used(one)
        except ServicesInUseError:
            is_used = True
    if is_used:
        print("a `make run` uses the services, and stops them when it ends")
    if ran or not is_used:
        print(f"stopped: {', '.join(ran) or 'nothing ran'}")


def end(home: LocalHome) -> None:
    """Stop what runs here and for comparisons; raise ServicesInUseError while a run uses it."""
    ran = [name for one in _homes(home) for name in _stop_unless_used(one)]
    print(f"stopped: {', '.join(ran) or 'nothing ran'}")


def _homes(home: LocalHome) -> list[LocalHome]:
    """Return the home, and that of comparisons if there were any."""
    return [home, *([home.for_comparisons] if home.for_comparisons.run_path.exists() else [])]


def _stop_unless_used(home: LocalHome) -> list[str]:
    home.kept_path.unlink(missing_ok=True)
    with _users_file(home) as users, _starting(home):
        if not _is_unused(users):
            raise ServicesInUseError("make clean")
        return stop_services(home)


def stop_services(home: LocalHome) -> list[str]:
    """Stop all services. Return the names of those that ran."""
    # The api-server goes after the others: tasks that are being ended still report to it.
    workers = [name for name in reversed(PROCESSES) if name != "api-server"]
    return stop_backgrounds(home, workers) + stop_backgrounds(home, ["api-server", endpoint.NAME])


def _start(home: LocalHome, by_schedule: bool) -> None:
    endpoint.start_endpoint(home)
    migrate_database(home)
    start_airflow(home, by_schedule)


def _stop_unused(home: LocalHome, users: IO[str]) -> None:
    """Stop services that nobody uses or keeps; those that a killed run left may have old settings and old code."""
    if _is_unused(users) and not home.kept_path.exists():
        stop_services(home)


def _is_unused(users: IO[str]) -> bool:
    """Whether no other process uses the services. A lock that `users` itself holds is given up."""
    fcntl.flock(users, fcntl.LOCK_UN)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(users, fcntl.LOCK_UN)
    return True


@contextmanager
def _starting(home: LocalHome) -> Iterator[None]:
    """Let one process at a time start services, stop them, or ask who uses them."""
    with (home.run_path / "services.start").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _users_file(home: LocalHome) -> Iterator[IO[str]]:
    """Open the file on which every run holds a shared lock while it uses the services."""
    home.run_path.mkdir(parents=True, exist_ok=True)
    with (home.run_path / "services.users").open("w") as lock:
        yield lock


def main(arguments: Sequence[str]) -> int:
    home = LocalHome.from_environment()
    try:
        with on_endings(interrupt):
            {"up": up, "down": down, "end": end}[arguments[0]](home)
    except KeyboardInterrupt:
        down(home)
        return 130
    return 0


if __name__ == "__main__":
    run_tool(main)

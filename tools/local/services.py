"""`make up` and `make down`: Airflow's four processes and the local AWS endpoint in the background of one machine."""

import sys
from collections.abc import Sequence
from functools import partial

from tools.errors import PortInUseError, RunIsBusyError, ToolError
from tools.local.database import migrate_database
from tools.local.endpoint import keep_endpoint, release_endpoint
from tools.local.home import LocalHome, local_environment
from tools.local.ports import get_json, port_is_taken, wait_until_healthy
from tools.local.processes import find_background, start_background, stop_background
from tools.run.direct_run import clear_abandoned_runs, live_runs

# The api-server first: the others talk to it. Tasks' logs are read from the disk, so nobody needs to serve them.
SERVICES: dict[str, tuple[str, ...]] = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
HEALTH_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
START_LIMIT_S = 180.0
BUSY_LIMIT_S = 60.0


def up(home: LocalHome) -> None:
    """Start what does not run yet, and return when Airflow says that all of it is healthy."""
    if is_airflow_up(home):
        print(f"Airflow is up: {home.airflow_url}")
        return
    stop_airflow(home)
    if port_is_taken(home.airflow_port):
        raise PortInUseError(home.airflow_port, "this project's Airflow", "AIRFLOW_PORT")
    if runs := live_runs(home):
        # The scheduler would take up its tasks and do them a second time.
        raise RunIsBusyError(runs[0])
    keep_endpoint(home)
    migrate_database(home)
    clear_abandoned_runs(home)
    print("starting Airflow")
    environment = local_environment(home)
    for name, options in SERVICES.items():
        command = [str(home.airflow_python), "-m", "airflow", name, *options]
        start_background(name, command, environment, home.run_path, home.logs_path / f"{name}.log")
    for name in SERVICES:
        background = find_background(home.run_path, name)
        assert background is not None, f"{name} was started above"
        wait_until_healthy(background, partial(is_part_healthy, home, name), START_LIMIT_S)
    print(f"Airflow is up: {home.airflow_url}\nits logs: {home.logs_path}\nstop it: make down")


def down(home: LocalHome) -> None:
    """Stop what `up` started, whatever is left of it."""
    stopped = stop_airflow(home)
    if release_endpoint(home):
        stopped.append("local_aws")
    print(f"stopped: {', '.join(stopped) or 'nothing ran'}")


def stop_airflow(home: LocalHome) -> list[str]:
    # The api-server last: tasks that are being ended still report to it.
    return [name for name in reversed(SERVICES) if stop_background(home.run_path, name)]


def is_airflow_up(home: LocalHome) -> bool:
    """Whether the Airflow that `up` started for this LOCAL_HOME runs and is healthy."""
    return all(_is_alive(home, name) for name in SERVICES) and not unhealthy_parts(home)


def wait_for_airflow(home: LocalHome) -> bool:
    """Whether an Airflow was started that a run must go to: its scheduler would take up any other. Healthy by then."""
    scheduler = find_background(home.run_path, "scheduler")
    if scheduler is None or not scheduler.is_alive():
        return False
    wait_until_healthy(scheduler, partial(is_airflow_up, home), BUSY_LIMIT_S)
    return True


def _is_alive(home: LocalHome, name: str) -> bool:
    background = find_background(home.run_path, name)
    return background is not None and background.is_alive()


def is_part_healthy(home: LocalHome, service: str) -> bool:
    part = "metadatabase" if service == "api-server" else service.replace("-", "_")
    return part not in unhealthy_parts(home)


def unhealthy_parts(home: LocalHome) -> list[str]:
    """Those of Airflow's parts that its health page does not call healthy; all if it does not answer."""
    health = get_json(f"{home.airflow_url}/api/v2/monitor/health") or {}
    return [part for part in HEALTH_PARTS if health.get(part, {}).get("status") != "healthy"]


def main(arguments: Sequence[str]) -> int:
    home = LocalHome.from_environment()
    try:
        {"up": up, "down": down}[arguments[0]](home)
    except ToolError as error:
        print(f"ERROR {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        down(home)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

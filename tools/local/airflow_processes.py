"""Airflow's four processes on one machine: started side by side, and watched while a run needs them."""

from functools import partial

from tools.errors import PortInUseError
from tools.local.home import LocalHome, local_environment
from tools.local.ports import get_json, port_is_taken, raise_if_dead, wait_until_healthy
from tools.local.processes import find_background, start_background

# Tasks' logs are read from the disk, so nobody needs to serve them.
PROCESSES: dict[str, tuple[str, ...]] = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
START_LIMIT_S = 180.0
# A scheduler that starts no DAG by itself, and runs only what is triggered: at once, for a person waits. The file of a
# DAG is read again when it was edited, and not every 30 s besides, for which Airflow takes a tenth of a core.
ONLY_TRIGGERED = {
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
}


def start_airflow(home: LocalHome, by_schedule: bool) -> None:
    """Start those of the processes that do not run, without waiting until they are healthy.

    Raises: PortInUseError if something else listens on Airflow's port.
    """
    missing = [name for name in PROCESSES if not find_background(home, name).is_alive()]
    if "api-server" in missing and port_is_taken(home.airflow_port):
        raise PortInUseError(home.airflow_port, "this project's Airflow", "AIRFLOW_PORT")
    environment = local_environment(home) | ({} if by_schedule else ONLY_TRIGGERED)
    for name in missing:
        command = [str(home.airflow_python), "-m", "airflow", name, *PROCESSES[name]]
        start_background(home, name, command, environment)


def wait_for_airflow(home: LocalHome) -> None:
    """Return when Airflow says that each of the processes is healthy."""
    for name in PROCESSES:
        wait_until_healthy(find_background(home, name), partial(_is_healthy, home, name), START_LIMIT_S)


def is_airflow_up(home: LocalHome) -> bool:
    """Whether Airflow runs for this LOCAL_HOME and is healthy."""
    return all(find_background(home, name).is_alive() and _is_healthy(home, name) for name in PROCESSES)


def raise_if_airflow_died(home: LocalHome) -> None:
    """Raise ServiceNotHealthyError if one of the processes has ended."""
    for name in PROCESSES:
        raise_if_dead(find_background(home, name))


def _is_healthy(home: LocalHome, name: str) -> bool:
    part = "metadatabase" if name == "api-server" else name.replace("-", "_")
    health = get_json(f"{home.airflow_url}/api/v2/monitor/health") or {}
    return bool(health.get(part, {}).get("status") == "healthy")

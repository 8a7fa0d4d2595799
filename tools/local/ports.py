"""Whether a port is taken, and whether the service behind it is healthy."""

import socket
import time
from collections.abc import Callable
from typing import Any

import httpx

from tools.errors import ServiceNotHealthyError
from tools.local.home import SQLITE_PATIENCE_S
from tools.local.processes import Background, tail

LOOK_EVERY_S = 0.2
# These are this machine's own services: no proxy is asked. Airflow itself waits for its database before it answers.
CLIENT = httpx.Client(trust_env=False, timeout=SQLITE_PATIENCE_S + 30)


def get_json(url: str) -> dict[str, Any] | None:
    """Return the JSON object with which a GET is answered; None if there is no such answer."""
    try:
        response = CLIENT.get(url, timeout=5)
        answer = response.json() if response.is_success else None
    except (httpx.HTTPError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # Servers do the same: the closing connections of a server that just ended do not hold its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def wait_until_healthy(background: Background, is_healthy: Callable[[], bool], limit_s: float) -> None:
    """Return as soon as `is_healthy` is true.

    Raises: ServiceNotHealthyError, with the end of the log, if the process ends or the time is up.
    """
    deadline = time.monotonic() + limit_s
    while not is_healthy():
        raise_if_dead(background)
        if time.monotonic() > deadline:
            what = f"was not healthy after {limit_s:.0f} s"
            raise ServiceNotHealthyError(background.name, what, background.log_path, tail(background.log_path))
        time.sleep(LOOK_EVERY_S)


def raise_if_dead(background: Background) -> None:
    """Raise ServiceNotHealthyError, with the end of the log, if the process has ended."""
    if not background.is_alive():
        raise ServiceNotHealthyError(background.name, "ended", background.log_path, tail(background.log_path))

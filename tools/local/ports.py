"""Whether a port is taken, and whether the service behind it is healthy."""

import http.client
import json
import socket
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from tools.errors import ServiceNotHealthyError
from tools.local.log_tail import tail
from tools.local.processes import Background

# Past any proxy: these are this machine's own services.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get_json(url: str) -> dict[str, Any] | None:
    """The JSON object that a GET answers; None if nothing answers so."""
    try:
        with DIRECT.open(url, timeout=5) as response:
            answer = json.load(response)
    except (OSError, http.client.HTTPException, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: the closing connections of a server that just ended do not hold its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def wait_until_healthy(background: Background, is_healthy: Callable[[], bool], limit_s: float) -> None:
    """Return once `is_healthy`; ServiceNotHealthyError, with the end of the log, if the process ends or time is up."""
    deadline = time.monotonic() + limit_s
    while not is_healthy():
        if not background.is_alive():
            raise ServiceNotHealthyError(
                background.name, "ended at its start", background.log_path, tail(background.log_path)
            )
        if time.monotonic() > deadline:
            what = f"was not healthy after {limit_s:.0f} s"
            raise ServiceNotHealthyError(background.name, what, background.log_path, tail(background.log_path))
        time.sleep(0.2)

"""Server of one process that answers for AWS: our S3 and EMR, moto for every other service, behind uvicorn."""

import logging
import shutil
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from moto.moto_server import werkzeug_app

from local_aws import account, emr
from local_aws.admission import Door
from local_aws.config import EndpointConfig
from local_aws.emr.node import offline
from local_aws.hardness import Hardness, Strikes
from local_aws.s3.app import S3Application, is_s3_request
from local_aws.s3.files.store import ObjectStore, RootInUseError

logger = logging.getLogger("local_aws")

SHUTDOWN_GRACE_S = 5
KEEP_ALIVE_S = 75
"""Longer than clients keep idle connections, so that none is closed just when it is used again."""
HEADER_PATIENCE_S = 30
"""A connection without a whole header is closed after once to twice that time."""
TICKS_PER_S = 10
"""uvicorn's."""
BACKLOG = 256

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class StartupError(Exception):
    """An error because the endpoint cannot start: what, where, and what to do."""


def make_app(store: ObjectStore, hardness: Hardness, strikes: Strikes) -> WsgiApp:
    """Make the application that sends each request to S3 or to moto."""
    # Else every answer of moto's would say that any web page may read it.
    werkzeug_app.DISABLE_GLOBAL_CORS = True
    moto = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
    s3 = S3Application(store, hardness, strikes)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            if is_s3_request(environ):
                return s3(environ, start_response)
            if "/cloudformation/aws4_request" not in environ.get("HTTP_AUTHORIZATION", ""):
                answer: Iterable[bytes] = moto(environ, start_response)
                return answer
            # Not earlier: it takes most of a second, and few endpoints see a stack.
            from local_aws import stacks

            stacks.install()
            answer = moto(environ, start_response)
            s3.buckets.follow_moto()
            return answer
        except RecursionError:
            start_response("400 Bad Request", [("Content-Type", "application/json")])
            return [b'{"__type": "SerializationException", "message": "the body is nested too deeply"}']

    return app


def check_config(config: EndpointConfig) -> None:
    if not (config.key.id and config.key.secret):
        raise StartupError(
            "no access key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to what clients will sign with"
        )
    python = config.spark_env / "bin" / "python"
    if not python.exists():
        raise StartupError(
            f"no Spark environment: {python} is missing; run `make setup`, or name another with --spark-env"
        )
    if config.hardness.offline_steps and not offline.is_possible():
        raise StartupError(
            "offline_steps: this user may not make a network namespace (`unshare --net --map-root-user`); run the "
            "endpoint as one who may, or turn it off by --hard offline_steps=0 (for make: LOCAL_AWS_HARD)"
        )
    for option, folder in (("--root", config.root), ("--work", config.work)):
        probe = folder / ".local_aws-probe"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            reason = error.strerror or str(error)
            raise StartupError(
                f"cannot write to {folder} ({reason}); make it writable, or name another with {option}"
            ) from error


@contextmanager
def sockets(config: EndpointConfig, listener: socket.socket) -> Iterator[list[socket.socket]]:
    """Yield what the endpoint listens on; the folder of its Unix socket is no other user's, and is removed."""
    if not config.hardness.offline_steps:
        yield [listener]
        return
    config.socket_path.parent.mkdir(mode=0o700)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as of_steps:
            of_steps.bind(str(config.socket_path))
            of_steps.listen(BACKLOG)
            yield [listener, of_steps]
    finally:
        shutil.rmtree(config.socket_path.parent)


def listen(config: EndpointConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise StartupError(
            f"cannot listen on {config.host} port {config.port} ({error.strerror or error}); "
            "stop what holds the port, or name another with --port"
        ) from error


class Server(uvicorn.Server):
    """Server of uvicorn that logs when it is ready, and closes connections that never finish a request's header."""

    def __init__(self, app: Door, ready_line: str) -> None:
        self.ready_line = ready_line
        self._waited: set[tuple[Any, Any]] = set()
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                access_log=False,
                proxy_headers=False,
                log_config=None,
                log_level="warning",
                server_header=False,
                ws="none",
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
            )
        )

    async def on_tick(self, counter: int) -> bool:
        if counter % (HEADER_PATIENCE_S * TICKS_PER_S) == 0:
            self._close_stalled_headers()
        return await super().on_tick(counter)

    def _close_stalled_headers(self) -> None:
        """Close each connection that waited for the same header at the last look; uvicorn limits idle ones alone."""
        connections: set[Any] = self.server_state.connections
        waiting = {
            (connection, connection.cycle)
            for connection in connections
            if connection.timeout_keep_alive_task is None
            and (connection.cycle is None or connection.cycle.response_complete)
        }
        for connection, _ in waiting & self._waited:
            connection.transport.abort()
        self._waited = waiting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        logger.info("%s", self.ready_line)


def serve(config: EndpointConfig) -> None:
    """Answer until SIGTERM or SIGINT, then end the steps that run. Raises StartupError when it cannot start."""
    check_config(config)
    listener = listen(config)
    try:
        store = ObjectStore(config.root)
    except RootInUseError as error:
        listener.close()
        raise StartupError(str(error)) from error
    emr.install(config)
    account.install()
    # Once uvicorn has stopped, it raises the signal again. Nothing may then interrupt the end of the clusters.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        app = make_app(store, config.hardness, config.strikes)
        door = Door(app, config.key, (config.host, *config.allowed_hosts), config.metadata)
        with sockets(config, listener) as listening:
            Server(door, f"ready at {config.url}, buckets in {config.root}").run(sockets=listening)
    finally:
        emr.shutdown()
        store.close()
    logger.info("stopped%s", f"; it was hard: {config.strikes}" if str(config.strikes) else "")

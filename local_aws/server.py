"""Server of one process that answers for AWS: our S3 and EMR, moto for every other service, behind uvicorn."""

from __future__ import annotations

import json
import logging
import signal
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from local_aws import __version__, emr
from local_aws.emr.config import LocalEmrConfig
from local_aws.s3.app import S3Application, is_s3_request
from local_aws.s3.files.store import ObjectStore, RootInUseError

logger = logging.getLogger("local_aws")

HEALTH_PATH = "/_local_aws/health"
WORKER_THREADS = 64
"""The number of requests answered at once. A slow reader of a large object holds one, an idle connection none."""
SHUTDOWN_GRACE_S = 5
KEEP_ALIVE_S = 75
"""Longer than clients keep idle connections, so that none is closed just when it is used again."""
BACKLOG = 256

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class StartupError(Exception):
    """An error because the endpoint cannot start: what, where, and what to do."""


@dataclass(frozen=True)
class EndpointConfig:
    """The address of the endpoint and the folders that it works in. All paths are absolute."""

    root: Path
    work: Path
    spark_env: Path
    host: str
    port: int
    cores: int
    driver_memory: str

    @property
    def url(self) -> str:
        """The address for clients on this machine, also when the endpoint listens on every interface."""
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"


def make_app(store: ObjectStore) -> WsgiApp:
    """Make the application that sends each request to the health page, to S3 or to moto."""
    moto = DomainDispatcherApplication(create_backend_app)
    s3 = S3Application(store)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == HEALTH_PATH:
            health = json.dumps({"ready": True, "version": __version__, "root": str(store.root)}).encode()
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(health)))])
            return [health]
        return (s3 if is_s3_request(environ) else moto)(environ, start_response)

    return app


def check_folders(config: EndpointConfig) -> None:
    python = config.spark_env / "bin" / "python"
    if not python.exists():
        raise StartupError(
            f"no Spark environment: {python} is missing; run `make setup`, or name another with --spark-env"
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
    """Server of uvicorn that logs when it is ready."""

    def __init__(self, app: WsgiApp, ready_line: str) -> None:
        self.ready_line = ready_line
        super().__init__(
            uvicorn.Config(
                WSGIMiddleware(app, workers=WORKER_THREADS),  # type: ignore[arg-type]
                access_log=False,
                proxy_headers=False,
                log_config=None,
                log_level="warning",
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        logger.info("%s", self.ready_line)


def serve(config: EndpointConfig) -> None:
    """Answer until SIGTERM or SIGINT, then end the steps that run. Raises StartupError when it cannot start."""
    check_folders(config)
    listener = listen(config)
    try:
        store = ObjectStore(config.root)
    except RootInUseError as error:
        listener.close()
        raise StartupError(str(error)) from error
    emr.install(
        LocalEmrConfig(
            buckets_root=config.root,
            work_root=config.work,
            spark_env=config.spark_env,
            endpoint_url=config.url,
            cores=config.cores,
            driver_memory=config.driver_memory,
        )
    )
    # Once uvicorn has stopped, it raises the signal again. Nothing may then interrupt the end of the clusters.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        Server(make_app(store), f"ready at {config.url}, buckets in {config.root}").run(sockets=[listener])
    finally:
        emr.shutdown()
        store.close()
    logger.info("stopped")

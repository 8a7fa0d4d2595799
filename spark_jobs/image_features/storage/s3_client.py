"""The S3 client of a process, which slows down where S3 throttles and is never made without credentials."""

import functools
import threading
from datetime import datetime
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.utils import parse_timestamp

from image_features.errors import NoCredentialsError

# A worker asks its node's metadata service for credentials at the moment at which all other workers do. One second and
# one attempt, botocore's defaults, are too little for that.
_METADATA_TIMEOUT_S = 5
_METADATA_ATTEMPTS = 5
# In the adaptive mode, requests that S3 throttles make the whole client slower, and not only themselves.
_ATTEMPTS = 12
_lock = threading.Lock()


def s3_client(connections: int = 10) -> Any:
    """Return the client of this process that may have `connections` requests in flight; raise NoCredentialsError."""
    # Threads that ask at the same moment get one client: each client has a pace of its own.
    with _lock:
        return kept_client(connections)


def open_session() -> botocore.session.Session:
    """Return a session that has credentials; raise NoCredentialsError."""
    session = botocore.session.Session()
    session.set_config_variable("metadata_service_timeout", _METADATA_TIMEOUT_S)
    session.set_config_variable("metadata_service_num_attempts", _METADATA_ATTEMPTS)
    # botocore makes a client without credentials, too, which would then fail every request of this process.
    if session.get_credentials() is None:
        raise NoCredentialsError
    # More than half of the time of a listing went into its dates.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment_of)
    return session


def moment_of(value: Any) -> datetime:
    """Return the moment that S3 wrote: in listings by ISO 8601, in headers as HTTP has it.

    >>> moment_of("2026-11-20T16:00:00.000Z") == moment_of("Fri, 20 Nov 2026 16:00:00 GMT")
    True
    """
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        found: datetime = parse_timestamp(value)
        return found


@functools.lru_cache(maxsize=4)
def kept_client(connections: int) -> Any:
    """Make a client, and keep it unless it could not be made."""
    session = open_session()
    config = Config(
        retries={"mode": "adaptive", "max_attempts": _ATTEMPTS},
        max_pool_connections=connections,
        connect_timeout=10,
        read_timeout=60,
    )
    return boto3.Session(botocore_session=session).client("s3", config=config)

"""Last lines of the logs that EMR ships to S3, gzipped and late."""

import gzip
import logging
import time
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from emr_pipeline.emr.step_failure import StepTails
from emr_pipeline.run.layout import object_of, split_uri
from emr_pipeline.s3.objects import etags_under, head

logger = logging.getLogger(__name__)

TAIL_LINES = 40
LINE_LENGTH = 500
# A log of 1 MB may unpack to 1 GB, in one line: only its end is held, and unpacking stops at some time.
TAIL_BYTES = 256 * 1024
MOST_BYTES = 2 * 1024**3


def logs_uri_of(log_uri: str, cluster_id: str, folder: str) -> str:
    """Return where EMR puts the logs of `steps/<step id>`, or of `node`: the nodes and their bootstrap actions.

    It is an s3:// URI, where EMR itself says s3n://.
    """
    bucket, prefix = split_uri(log_uri)
    return f"s3://{bucket}/{prefix.rstrip('/')}/{cluster_id}/{folder}"


def wait_for_step_tails(s3: Any, logs_uri: str, ended_at: datetime | None, wait_s: float, poll_s: float) -> StepTails:
    """Return the last lines of a step, after waiting at most `wait_s` for EMR to ship them after `ended_at`.

    EMR ships a log while its step runs, too. A log older than the step's end lacks the step's last words, which are the
    ones that matter; it is taken only if nothing newer comes.
    """

    def is_whole(name: str) -> bool:
        shipped = head(s3, f"{logs_uri}/{name}")
        return bool(shipped) and (ended_at is None or shipped["LastModified"] >= ended_at.replace(microsecond=0))

    # EMR ships both together, and no stdout if it is empty.
    _wait_until(lambda: is_whole("stderr.gz"), f"{logs_uri}/stderr.gz", wait_s, poll_s)
    _wait_until(lambda: is_whole("stdout.gz"), f"{logs_uri}/stdout.gz", min(wait_s, 2 * poll_s), poll_s)
    uris = (f"{logs_uri}/{name}" for name in ("stdout.gz", "stderr.gz"))
    return StepTails(*(_tail(s3, uri) if head(s3, uri) else None for uri in uris))


def wait_for_bootstrap_tail(s3: Any, log_uri: str, cluster_id: str, wait_s: float, poll_s: float) -> str | None:
    """Return the last lines of the last bootstrap action of any node, after waiting at most `wait_s` for a log."""
    uri = logs_uri_of(log_uri, cluster_id, "node")

    def logs() -> list[str]:
        return [name for name in etags_under(s3, uri) if "/bootstrap-actions/" in name and name.endswith("stderr.gz")]

    _wait_until(lambda: bool(logs()), f"{uri}/*/bootstrap-actions", wait_s, poll_s)
    return _tail(s3, f"{uri}/{max(logs(), key=_action_number)}") if logs() else None


def _wait_until(is_there: Callable[[], bool], what: str, wait_s: float, poll_s: float) -> None:
    give_up_at = time.monotonic() + wait_s
    while not is_there() and time.monotonic() < give_up_at:
        logger.info("Waiting for EMR to ship %s", what)
        time.sleep(min(poll_s, max(0.0, give_up_at - time.monotonic())))


def _action_number(name: str) -> int:
    number = name.partition("/bootstrap-actions/")[2].partition("/")[0]
    return int(number) if number.isdecimal() else 0


def _tail(s3: Any, uri: str) -> str:
    tail, unpacked = b"", 0
    with gzip.open(s3.get_object(**object_of(uri))["Body"]) as log:
        try:
            while unpacked < MOST_BYTES and (some := log.read1(TAIL_BYTES)):
                unpacked += len(some)
                tail = (tail + some)[-TAIL_BYTES:]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            logger.info("%s cannot be read to its end (%s); these are its last lines so far", uri, error)
    if unpacked >= MOST_BYTES:
        logger.warning("%s goes on: these are the last lines of its first %d bytes", uri, unpacked)
    lines = tail.decode(errors="replace").splitlines()
    return "\n".join(line.rstrip()[:LINE_LENGTH] for line in lines[-TAIL_LINES:])

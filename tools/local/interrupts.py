"""Ctrl-C and its kin: what ends a run, and what must not disturb its ending."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def on_endings(handler: Any) -> Iterator[None]:
    """Have SIGTERM and a closed terminal do inside the block what Ctrl-C does: `interrupt`, or nothing by SIG_IGN."""
    before = {number: signal.signal(number, handler) for number in ENDINGS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)

"""Ctrl-C and its kin: what ends a run, and what must not disturb its ending."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def endings_as_interrupts() -> Iterator[None]:
    """SIGTERM and a closed terminal raise KeyboardInterrupt inside the block, as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Ignore a second Ctrl-C inside the block: it must not leave a cluster behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

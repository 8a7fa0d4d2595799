"""The decoding of a photograph in a process of its own, which may die of it without taking the worker along."""

import os
import resource
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from image_features.images.decode import Seen
from image_features.rejects import Reject

SECONDS_PER_PHOTOGRAPH = 60.0
# The limits of `decode_image` let no photograph need as much, and all tasks of a node can have it at once.
BYTES_PER_PHOTOGRAPH = 2 * 2**30

Decode = Callable[[bytes], Seen | Reject]


def decode_apart(decode: Decode, content: bytes) -> Seen | Reject:
    """Return what `decode` makes of the content in a new process; a process that does not answer makes a reject."""
    # A fork starts in milliseconds and takes any `decode`. The child runs no code but Pillow's and NumPy's, so it never
    # asks for a lock that a thread of the network's engine may have held.
    context = get_context("fork")
    answers, answer = context.Pipe(duplex=False)
    process = context.Process(target=_decode, args=(answer, decode, content), daemon=True)
    process.start()
    answer.close()
    try:
        if answers.poll(SECONDS_PER_PHOTOGRAPH):
            outcome: Seen | Reject = answers.recv()
            return outcome
        return Reject("too_slow", f"not decoded within {SECONDS_PER_PHOTOGRAPH:.0f} seconds")
    except EOFError:
        process.join()
        detail = f"the process that decoded it ended with exit code {process.exitcode}"
        # Its own mistakes end a process by other signals: this one comes from outside, when memory is at its end.
        return Reject("out_of_memory" if process.exitcode == -signal.SIGKILL else "killed_the_decoder", detail)
    finally:
        process.kill()
        process.join()
        answers.close()


def _decode(answer: Connection, decode: Decode, content: bytes) -> None:
    # Not the address space: threads of a decoder reserve a lot of it that they never use.
    used = int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_DATA, (used + BYTES_PER_PHOTOGRAPH,) * 2)
    try:
        answer.send(decode(content))
    except Exception as error:  # Whatever it is, in the worker it would end the task again.
        answer.send(Reject("killed_the_decoder", f"{type(error).__name__}: {error}"))

"""One call in a process of its own: what it imports, and all of its memory, are gone when it is done."""

import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar, cast

from image_features.errors import ImageFeaturesError

Result = TypeVar("Result")


class ProcessLostError(ImageFeaturesError):
    """A process that the driver started ended without an answer."""

    def __init__(self, work: str, exit_code: int | None) -> None:
        self.work, self.exit_code = work, exit_code
        remedy = "read the traceback above"
        if exit_code == -signal.SIGKILL:
            remedy = "a machine that has no memory left kills processes: give the driver's node more"
        super().__init__(f"{work}: its process ended with exit code {exit_code}; {remedy}")


def in_own_process(work: Callable[..., Result], *arguments: Any) -> Result:
    """Return what `work` returns in a new process, or raise the ImageFeaturesError that it raises.

    `work`, its arguments and its result must be picklable. Raises ProcessLostError if the process ends without an
    answer; its traceback, if there is one, is on stderr.
    """
    # The spawned process inherits none of Spark's connections. A ProcessPoolExecutor would be shorter, but its process
    # stays for ever when the driver is killed, for it waits for work on a pipe that it also holds the other end of.
    context = get_context("spawn")
    answers, answer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(answer, work, arguments), daemon=True)
    process.start()
    answer.close()
    try:
        outcome = answers.recv()
    except EOFError:
        process.join()
        raise ProcessLostError(work.__name__, process.exitcode) from None
    # Nobody waits for the end of the process: where TensorFlow was imported, it takes another second.
    if isinstance(outcome, ImageFeaturesError):
        raise outcome
    return cast(Result, outcome)


def _work(answer: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        answer.send(work(*arguments))
    except ImageFeaturesError as error:
        answer.send(error)

"""One call in a process of its own: what it imports, and all its memory, are gone when it is done."""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar, cast

from image_features.errors import ImageFeaturesError, ProcessLostError

Result = TypeVar("Result")
P = ParamSpec("P")


def in_own_process(work: Callable[P, Result], *arguments: P.args, **options: P.kwargs) -> Result:
    """What `work` returns, or raises if the error is one of ours. All of it must be picklable.

    Raises ProcessLostError if the process ends without an answer; its traceback, if there is one, is on stderr.
    """
    # Nothing of Spark's connections is inherited. Not ProcessPoolExecutor: its process would outlive a killed parent.
    context = get_context("spawn")
    answers, answer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(answer, work, arguments, options), daemon=True)
    process.start()
    answer.close()
    try:
        outcome = answers.recv()
    except EOFError:
        process.join()
        raise ProcessLostError(work.__name__, process.exitcode) from None
    # It is not waited for: where TensorFlow was imported, it takes another second to end.
    if isinstance(outcome, ImageFeaturesError):
        raise outcome
    return cast(Result, outcome)


def _work(answer: Connection, work: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    try:
        answer.send(work(*arguments, **options))
    except ImageFeaturesError as error:
        answer.send(error)

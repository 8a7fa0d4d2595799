"""The progress of a stage: a small JSON document in S3 that a thread keeps fresh."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from image_features.errors import ImageFeaturesError
from image_features.storage import objects
from run_contract.documents import ProgressDocument, State
from run_contract.moments import text_of

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 2.0


class ProgressReporter:
    """Writer of a stage's progress; `total` is null until it is known."""

    def __init__(
        self,
        uri: str,
        stage: str,
        write: Callable[[str, ProgressDocument], None] = objects.write_json,
        every_s: float = WRITE_EVERY_S,
    ) -> None:
        self._uri, self._stage, self._write, self._every_s = uri, stage, write, every_s
        self._done: Callable[[], int] = lambda: 0
        self._total: int | None = None
        self._unit = "images"

    def start(self) -> None:
        """Write the first state from the job's own thread: a bucket that does not exist must fail the job at once."""
        self._publish("running")

    @contextmanager
    def watch(self, done: Callable[[], int], total: int, unit: str) -> Iterator[None]:
        """Let a thread write `done()` of `total` while the block runs; `done` must be safe to call from it."""
        self._done, self._total, self._unit = done, total, unit
        left = threading.Event()
        thread = threading.Thread(target=self._keep_fresh, args=(left,), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            left.set()
            thread.join()

    def finish(self, state: State) -> None:
        """Write the last state, `done` or `failed`; raise nothing, so as not to hide how the stage itself ended."""
        self._try_publish(state)

    def _keep_fresh(self, left: threading.Event) -> None:
        while True:
            self._try_publish("running")
            if left.wait(self._every_s):
                return

    def _try_publish(self, state: State) -> None:
        try:
            self._publish(state)
        except ImageFeaturesError as error:
            logger.warning("progress is not written: %s", error)

    def _publish(self, state: State) -> None:
        done = self._done()
        if self._total is not None:
            # A task that Spark runs twice counts twice; a share above one would confuse the reader.
            done = self._total if state == "done" else min(done, self._total)
        document: ProgressDocument = {
            "stage": self._stage,
            "state": state,
            "done": done,
            "total": self._total,
            "unit": self._unit,
            "updated_at": text_of(datetime.now(UTC)),
        }
        self._write(self._uri, document)

"""The progress file follows the work, and its last word is how the stage ended."""

import threading

import pytest

from image_features.errors import BucketNotFoundError
from image_features.job.progress import ProgressReporter
from run_contract.documents import ProgressDocument


class Recorder:
    """Stands where the object store is; wakes whoever waits for a write."""

    def __init__(self) -> None:
        self.written: list[tuple[str, ProgressDocument]] = []
        self.wrote = threading.Condition()

    def __call__(self, uri: str, document: ProgressDocument) -> None:
        with self.wrote:
            self.written.append((uri, document))
            self.wrote.notify_all()

    def wait_for(self, done: int) -> ProgressDocument:
        with self.wrote:
            assert self.wrote.wait_for(lambda: self.written[-1][1]["done"] == done, timeout=10)
            return self.written[-1][1]


def test_progress_follows_the_work_and_ends_done() -> None:
    write, at = Recorder(), [0]
    progress = ProgressReporter("s3://b/p.json", "ingest_images", write, every_s=0.01)
    progress.start()
    assert write.written[-1][1]["total"] is None
    with progress.watch(lambda: at[0], 10, "objects"):
        for done in (3, 7):
            at[0] = done
            assert write.wait_for(done)["state"] == "running"
    progress.finish("done")
    uri, last = write.written[-1]
    assert uri == "s3://b/p.json"
    expected = {"stage": "ingest_images", "state": "done", "done": 10, "total": 10, "unit": "objects"}
    assert last == {**expected, "updated_at": last["updated_at"]}
    assert last["updated_at"].endswith("Z")


def test_the_thread_ends_with_the_block_even_if_the_work_fails() -> None:
    progress = ProgressReporter("s3://b/p.json", "ingest_images", Recorder(), every_s=0.01)
    with pytest.raises(RuntimeError, match="the work"), progress.watch(lambda: 0, 10, "objects"):
        raise RuntimeError("the work failed")
    assert "progress" not in {thread.name for thread in threading.enumerate()}


def test_a_failed_stage_keeps_how_far_it_came() -> None:
    write = Recorder()
    progress = ProgressReporter("s3://b/p.json", "ingest_images", write, every_s=0.01)
    with progress.watch(lambda: 4, 10, "objects"):
        pass
    progress.finish("failed")
    assert (write.written[-1][1]["state"], write.written[-1][1]["done"]) == ("failed", 4)


def test_tasks_that_ran_twice_make_no_share_above_one() -> None:
    write = Recorder()
    progress = ProgressReporter("s3://b/p.json", "ingest_images", write, every_s=0.01)
    with progress.watch(lambda: 14, 10, "objects"):
        write.wait_for(10)


def test_a_store_that_refuses_fails_the_start_and_nothing_after_it() -> None:
    def refuse(uri: str, document: ProgressDocument) -> None:
        raise BucketNotFoundError(uri)

    progress = ProgressReporter("s3://none/p.json", "ingest_images", refuse, every_s=0.01)
    with pytest.raises(BucketNotFoundError):
        progress.start()
    progress.finish("failed")

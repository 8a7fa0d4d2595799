"""A log is read to its end, whatever it holds, in little memory."""

import gzip
import io
import tracemalloc
import zlib
from typing import Any

import pytest

from emr_pipeline.emr import step_logs
from emr_pipeline.emr.step_logs import wait_for_step_tails

LOGS = "s3://pictures/logs/j-1/steps/s-1"


def ship(s3: Any, name: str, content: bytes) -> None:
    s3.put_object(Bucket="pictures", Key=f"logs/j-1/steps/s-1/{name}.gz", Body=content)


def packed(size_bytes: int, end: bytes) -> bytes:
    """One line of so many zeros, and then the end."""
    packer, block, buffer = zlib.compressobj(9, wbits=31), b"0" * 1024**2, io.BytesIO()
    for _ in range(size_bytes // len(block)):
        buffer.write(packer.compress(block))
    buffer.write(packer.compress(end) + packer.flush())
    return buffer.getvalue()


@pytest.mark.slow
def test_a_small_log_that_unpacks_to_one_line_of_300_mb_takes_little_memory(s3: Any) -> None:
    ship(s3, "stderr", packed(300 * 1024**2, b"\nERROR DiskFullError: no space\n"))
    tracemalloc.start()

    tails = wait_for_step_tails(s3, LOGS, None, 0, 1)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 1024**2
    assert tails.stderr is not None
    assert tails.stderr.endswith("ERROR DiskFullError: no space")
    assert len(tails.stderr) < 2 * step_logs.LINE_LENGTH


def test_unpacking_stops_at_the_limit(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_logs, "MOST_BYTES", 2 * 1024**2)
    ship(s3, "stderr", packed(20 * 1024**2, b"\nthe end\n"))

    tails = wait_for_step_tails(s3, LOGS, None, 0, 1)

    assert tails.stderr == "0" * step_logs.LINE_LENGTH


@pytest.mark.parametrize(
    "content", [b"", b"no gzip at all", gzip.compress(b"a line\n" * 9)[:-6], b"\x1f\x8b\x08\x00bad"]
)
def test_a_log_that_cannot_be_unpacked_hides_no_failure(s3: Any, content: bytes) -> None:
    ship(s3, "stderr", content)

    assert wait_for_step_tails(s3, LOGS, None, 0, 1).stderr is not None


def test_the_last_forty_lines_are_kept_and_no_line_is_longer_than_its_limit(s3: Any) -> None:
    lines = [f"{number} {'x' * 2 * step_logs.LINE_LENGTH}" for number in range(100)]
    ship(s3, "stdout", gzip.compress("\n".join(lines).encode()))

    tails = wait_for_step_tails(s3, LOGS, None, 0, 1)

    assert tails.stdout == "\n".join(line[: step_logs.LINE_LENGTH] for line in lines[60:])

"""Which line of stderr tells why a step failed, and how logs get to S3."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from local_aws.emr.node.command_log import CommandLog, last_useful_line

PYTHON = """Traceback (most recent call last):
  File "app.py", line 3, in <module>
    int("x")
    ~~~^^^^^
ValueError: invalid literal for int() with base 10: 'x'
26/11/20 16:00:01 INFO ShutdownHookManager: Shutdown hook called
26/11/20 16:00:01 WARN Something: else
"""
JAVA = """Exception in thread "main" java.io.FileNotFoundException: File s3://b/app.py does not exist
\tat org.apache.hadoop.fs.RawLocalFileSystem.deprecatedGetFileStatus(RawLocalFileSystem.java:1)
\t... 12 more

"""
JAVA_CAUSE = """java.io.IOException: a
\tat org.example.A.a(A.java:1)
Caused by: java.io.IOException: b
\tat org.example.A.a(A.java:1)
"""
OURS = "26/11/20 16:00:01 WARN X: y\nERROR TooManyRejectsError: s3://b: 9 % rejects; raise --max-reject-share\n\n"


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        (PYTHON, "ValueError: invalid literal for int() with base 10: 'x'"),
        (JAVA, 'Exception in thread "main" java.io.FileNotFoundException: File s3://b/app.py does not exist'),
        (OURS, "ERROR TooManyRejectsError: s3://b: 9 % rejects; raise --max-reject-share"),
        ("one\ntwo  \n   \n", "two"),
        ("", None),
        ("26/11/20 16:00:01 INFO A: b\n", None),
        (f"the job's own\n26/11/20 16:00:01 WARN Spark: at shutdown\n{JAVA_CAUSE}", "the job's own"),
        (f"26/11/20 16:00:01 WARN Spark: early\n{JAVA}", JAVA.splitlines()[0]),
        (f"Traceback (most recent call last):\npy4j.X: An error\n{JAVA_CAUSE}", "Caused by: java.io.IOException: b"),
        ("the job's own\n26/11/20 16:00:01 ERROR Spark: at shutdown\n", "the job's own"),
        ("26/11/20 16:00:01 ERROR Spark: lost\n26/11/20 16:00:02 WARN A: b\n", "26/11/20 16:00:01 ERROR Spark: lost"),
    ],
)
def test_the_last_line_that_says_something_is_found(stderr: str, expected: str | None) -> None:
    assert last_useful_line(stderr.splitlines()) == expected


def test_a_long_stderr_is_read_from_its_end_only(tmp_path: Path) -> None:
    log = CommandLog(tmp_path)
    log.start()
    log.stderr_path.write_bytes("é".encode() * 500_000 + b"\nthe end\n")
    assert log.last_error_line() == "the end"


def test_shipped_logs_are_whole_gzip_files_and_nothing_else(tmp_path: Path) -> None:
    log = CommandLog(tmp_path / "live")
    log.start()
    log.note("started")
    log.stdout_path.write_bytes(b"out\n")
    log.ship(tmp_path / "shipped")
    log.ship(tmp_path / "shipped")
    assert sorted(p.name for p in (tmp_path / "shipped").iterdir()) == ["controller.gz", "stderr.gz", "stdout.gz"]
    assert gzip.decompress((tmp_path / "shipped" / "stdout.gz").read_bytes()) == b"out\n"
    assert b"INFO started" in gzip.decompress((tmp_path / "shipped" / "controller.gz").read_bytes())

"""The one line that a long failure is told in."""

import pytest

from image_features.errors import MissingDatasetError
from image_features.job.error_text import name_and_gist

WORKER = """
  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "worker.py", line 1231, in main
    process()
{last}
"""
JAVA = """An error occurred while calling o91.parquet.
: org.apache.spark.SparkException: Job aborted.
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.jobAbortedError(QueryExecutionErrors.scala:6)
Caused by: org.apache.spark.SparkException: Task failed while writing rows
\tat a.b.C(D.scala:1)
Caused by: java.io.IOException: No space left on device
\t... 13 more
"""

LOST_WORKER = """An error occurred while calling o91.parquet.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 1 times
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.hasNext(PythonRunner.scala:601)
Caused by: java.net.SocketException: Connection reset
\t... 17 more
"""


def test_a_python_worker_that_was_killed_is_named_and_not_the_socket_that_it_left() -> None:
    name, gist = name_and_gist(RuntimeError(LOST_WORKER))

    assert name == "PythonWorkerLostError"
    assert "no memory left" in gist


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            WORKER.format(last="image_features.errors.AccessDeniedError: s3://b/k: s3:GetObject is denied; allow it"),
            ("AccessDeniedError", "s3://b/k: s3:GetObject is denied; allow it"),
        ),
        (
            WORKER.format(last="ModuleNotFoundError: No module named 'x'"),
            ("ModuleNotFoundError", "No module named 'x'"),
        ),
        (JAVA, ("IOException", "No space left on device")),
        ("plain words\nand more", ("RuntimeError", "plain words")),
        ("", ("RuntimeError", "no message")),
    ],
)
def test_the_line_nearest_to_the_cause_is_told(text: str, expected: tuple[str, str]) -> None:
    assert name_and_gist(RuntimeError(text)) == expected


def test_a_simple_error_is_told_as_it_is() -> None:
    error = MissingDatasetError("s3://b/features")
    assert name_and_gist(error) == ("MissingDatasetError", str(error))

"""The life of a job: stats last, an old attempt's stats first to go, one last line for what failed."""

from collections.abc import Callable

import pytest
from pyspark.sql import SparkSession

from image_features.errors import EmptySourceError
from image_features.job.arguments import JobArgumentParser, JobArguments
from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.stats import StageStats
from image_features.storage import objects
from run_contract.stages import Stage
from tests.spark_jobs.stored_datasets import exists

STAGE = Stage("a_stage", "Does nothing.", reads=(), writes=())
Work = Callable[[SparkSession, JobArguments, ProgressReporter], StageStats]


def _run(prefix_uri: str, work: Work) -> int:
    argv = [f"--stats-uri={prefix_uri}/stats.json", f"--progress-uri={prefix_uri}/progress.json"]
    return run_job("a_stage", lambda argv: JobArgumentParser(STAGE).parse_into(JobArguments, argv), work, argv)


def _state(prefix_uri: str) -> str:
    return objects.read_json(f"{prefix_uri}/progress.json")["state"]


def test_a_job_writes_its_stats_when_all_is_done(spark: SparkSession, prefix_uri: str) -> None:
    def work(session: SparkSession, arguments: JobArguments, progress: ProgressReporter) -> StageStats:
        assert not exists(arguments.stats_uri)
        assert _state(prefix_uri) == "running"
        return StageStats(session.range(5).count(), 3, {"decode_failed": 2}, {"more": [1.5]})

    assert _run(prefix_uri, work) == 0
    stats = objects.read_json(f"{prefix_uri}/stats.json")
    assert (stats["stage"], stats["rows_in"], stats["rows_out"]) == ("a_stage", 5, 3)
    assert (stats["rejects"], stats["details"]) == ({"decode_failed": 2}, {"more": [1.5]})
    assert stats["arguments"]["stats_uri"] == f"{prefix_uri}/stats.json"
    assert stats["versions"]["spark"] == spark.version
    assert stats["started_at"] <= stats["finished_at"]
    assert _state(prefix_uri) == "done"
    assert spark.range(1).count() == 1, "the session that was open before the job is open after it"


def test_a_failed_job_leaves_no_stats_of_an_earlier_attempt(
    spark: SparkSession, prefix_uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def work(*_: object) -> StageStats:
        raise EmptySourceError("s3://lake/fruits")

    objects.write_json(f"{prefix_uri}/stats.json", {"stage": "a_stage"})
    assert _run(prefix_uri, work) == 1
    assert not exists(f"{prefix_uri}/stats.json")
    assert _state(prefix_uri) == "failed"
    error = capfd.readouterr().err
    assert error.splitlines()[-1].startswith("ERROR EmptySourceError: s3://lake/fruits: ")
    assert "Traceback" not in error


def test_an_error_of_others_is_told_with_its_traceback(
    spark: SparkSession, prefix_uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def work(*_: object) -> StageStats:
        raise ZeroDivisionError("nothing to share")

    assert _run(prefix_uri, work) == 1
    error = capfd.readouterr().err
    assert "Traceback" in error
    assert error.splitlines()[-1] == "ERROR ZeroDivisionError: nothing to share"


def test_an_error_of_ours_on_a_worker_is_told_by_its_own_name(
    spark: SparkSession, prefix_uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: int) -> None:
        from image_features.errors import AccessDeniedError

        raise AccessDeniedError("s3://lake/1.jpg", "s3:GetObject")

    def work(session: SparkSession, *_: object) -> StageStats:
        session.sparkContext.parallelize([1]).foreach(fail)
        raise AssertionError("the task did not fail")

    assert _run(prefix_uri, work) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("ERROR AccessDeniedError: s3://lake/1.jpg: s3:GetObject is denied; allow it")


def test_arguments_that_are_missing_are_told_without_a_usage_page(capfd: pytest.CaptureFixture[str]) -> None:
    def parse(argv: object) -> JobArguments:
        return JobArgumentParser(STAGE).parse_into(JobArguments, [])

    assert run_job("a_stage", parse, lambda *_: StageStats(0, 0), []) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("ERROR CommandLineError: a_stage: the following arguments are required: --stats-uri")

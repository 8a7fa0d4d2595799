"""Finished runs that are made once for all tests of `validate_run`, and copies of them for a test to break."""

import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from image_features.job.stats import StageStats
from tests.spark_jobs.conftest import BUCKET
from tests.spark_jobs.validate.finished_runs import arguments_for, make_run, validate


@pytest.fixture(scope="session")
def finished(spark: SparkSession) -> str:
    """A good run that no test changes; `run_uri` is a copy of it for a test to break."""
    uri = f"s3://{BUCKET}/validate_run/finished"
    make_run(spark, uri)
    return uri


@pytest.fixture(scope="session")
def finished_later(spark: SparkSession) -> str:
    """A good run of other photographs, that no test changes; `later_uri` is a copy of it."""
    uri = f"s3://{BUCKET}/validate_run/later"
    make_run(spark, uri, seed=2)
    return uri


@pytest.fixture(scope="session")
def validated(spark: SparkSession, finished: str) -> StageStats:
    """The stats of a validation of `finished`, whose report is there."""
    return validate(spark, arguments_for(finished))


def _copied(endpoint: Path, source_uri: str, target_uri: str) -> str:
    source, target = (endpoint / uri.removeprefix("s3://") for uri in (source_uri, target_uri))
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("report"))
    return target_uri


@pytest.fixture
def run_uri(endpoint: Path, finished: str, prefix_uri: str) -> str:
    return _copied(endpoint, finished, prefix_uri)


@pytest.fixture
def later_uri(endpoint: Path, finished_later: str, prefix_uri: str) -> str:
    return _copied(endpoint, finished_later, f"{prefix_uri}-later")

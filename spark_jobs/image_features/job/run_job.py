"""The life of a job, the same for every stage: it parses, runs, writes its stats last, and says how it ended."""

import dataclasses
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pyspark.sql import SparkSession

from image_features.errors import ImageFeaturesError
from image_features.job.arguments import Arguments
from image_features.job.error_text import name_and_gist
from image_features.job.progress import ProgressReporter
from image_features.job.session import open_session
from image_features.job.stats import StageStats, stats_document
from image_features.storage import objects
from run_contract.documents import State

logger = logging.getLogger(__name__)

Work = Callable[[SparkSession, Arguments, ProgressReporter], StageStats]


def run_job(
    stage: str,
    parse: Callable[[Sequence[str]], Arguments],
    work: Work[Arguments],
    argv: Sequence[str] | None = None,
) -> int:
    """Run a stage's `work` on its parsed arguments; return the exit code, which is 0 only if all of it was done."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # They log every connection, py4j even after the job's own last line.
    for chatty in ("botocore", "py4j"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        _run(stage, parse(sys.argv[1:] if argv is None else argv), work)
    except ImageFeaturesError as error:
        return _fail(type(error).__name__, str(error))
    except Exception as error:
        # Nobody raised it on purpose, so the reader needs the traceback; it goes before the last line.
        traceback.print_exc(file=sys.stderr)
        return _fail(*name_and_gist(error))
    return 0


def _run(stage: str, arguments: Arguments, work: Work[Arguments]) -> None:
    started = datetime.now(UTC)
    resolved = dataclasses.asdict(arguments)
    logger.info("%s starts: %s", stage, resolved)
    # A stage is complete only if its stats exist, so the stats of an earlier attempt are deleted first.
    objects.delete(arguments.stats_uri)
    progress = ProgressReporter(arguments.progress_uri, stage)
    progress.start()
    state: State = "failed"
    try:
        spark = open_session(stage)
        stats = work(spark, arguments, progress)
        document = stats_document(stage, stats, resolved, spark.version, started, datetime.now(UTC))
        objects.write_json(arguments.stats_uri, document)
        state = "done"
    finally:
        progress.finish(state)
    logger.info("%s is done: %d rows in, %d out, rejects %s", stage, stats.rows_in, stats.rows_out, stats.rejects)


def _fail(error_class: str, message: str) -> int:
    sys.stderr.write(f"ERROR {error_class}: {message}\n")
    sys.stderr.flush()
    return 1

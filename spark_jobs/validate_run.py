"""Entry point of the stage `validate_run`: all checks, one report, and one failure if a hard check failed."""

import sys
from collections import Counter
from dataclasses import replace

from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.stats import StageStats
from image_features.validate.arguments import ValidateArguments, parse_validate_arguments
from image_features.validate.checks.check import ValidationFailedError, failed
from image_features.validate.checks.grouped_probe import probe_twice
from image_features.validate.checks.suite import run_checks
from image_features.validate.duplicates.write_groups import write_groups
from image_features.validate.evidence.gather import gather_evidence
from image_features.validate.evidence.looks import gather_looks
from image_features.validate.explorer.write_explorer import write_explorer
from image_features.validate.report.write_report import write_report
from image_features.validate.suspects.write_suspects import write_suspects

PHASES = ("measure", "compare", "check", "report")


# Two threads on small matrices wait for each other: with them the linear probe took eight times the processor time.
@threadpool_limits.wrap(limits=1)  # type: ignore[untyped-decorator]
def validate_run(spark: SparkSession, arguments: ValidateArguments, progress: ProgressReporter) -> StageStats:
    """Measure the run, judge it, write the report, and raise ValidationFailedError if a hard check failed."""
    finished: list[str] = []
    with progress.watch(lambda: len(finished), total=len(PHASES), unit="phases"):
        measured = gather_evidence(spark, arguments)
        looks = gather_looks(spark.sparkContext, arguments.looks_uri, measured.sample.uris)
        finished.append("measure")
        duplicates = write_groups(spark.sparkContext, arguments, measured)
        suspects, flaws = write_suspects(arguments.suspects_uri, measured, looks.measures)
        evidence = replace(measured, duplicates=duplicates, suspects=suspects, flaws=flaws)
        finished.append("compare")
        scored = probe_twice(evidence.sample, evidence.duplicates)
        findings = run_checks(evidence, scored)
        finished.append("check")
        has_explorer = write_explorer(spark.sparkContext, evidence, looks)
        write_report(arguments.report_uri, findings, evidence, scored, has_explorer)
        finished.append("report")
    if failed(findings):
        raise ValidationFailedError(arguments.report_uri, failed(findings))
    details = {"verdict": "passed", "checks": dict(Counter(found.verdict for found in findings))}
    return StageStats(rows_in=evidence.features.rows, rows_out=evidence.pca_features.rows, details=details)


if __name__ == "__main__":
    sys.exit(run_job("validate_run", parse_validate_arguments, validate_run))

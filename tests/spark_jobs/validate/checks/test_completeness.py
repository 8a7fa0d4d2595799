"""Stages that left no stats, and datasets that are not what their stage counted."""

import dataclasses
from typing import Any

import pytest

from image_features.validate.checks.check import Finding
from image_features.validate.checks.completeness import labels_file_fits, row_counts_agree, stages_complete
from image_features.validate.evidence.evidence import Evidence
from tests.spark_jobs.made_up_run import make_evidence

GOOD = make_evidence()


def counted(evidence: Evidence) -> Finding:
    return row_counts_agree(evidence.stats, evidence.membership, evidence.features, evidence.pca_features)


def test_a_finished_run_passes() -> None:
    assert (stages_complete(GOOD.stats).verdict, counted(GOOD).verdict) == ("passed", "passed")


@pytest.mark.parametrize("stage", ["ingest_images", "featurize_images", "reduce_features"])
def test_a_stage_without_stats_fails_by_name(stage: str) -> None:
    check = stages_complete({**GOOD.stats, stage: None})
    assert (check.verdict, check.value, check.limit) == ("failed", 2, 3)
    assert f"no stats of {stage}" in check.advice


@pytest.mark.parametrize("more", [1, -1])
@pytest.mark.parametrize(
    ("stage", "count"),
    [("ingest_images", "rows_in"), ("featurize_images", "rows_out"), ("reduce_features", "rows_out")],
)
def test_a_dataset_with_other_rows_than_its_stage_counted_fails(stage: str, count: str, more: int) -> None:
    of_stage: dict[str, Any] = {**(GOOD.stats[stage] or {})}
    of_stage[count] += more
    check = counted(dataclasses.replace(GOOD, stats={**GOOD.stats, stage: of_stage}))
    assert (check.verdict, check.value) == ("failed", 1)
    assert check.advice.startswith(f"{stage} counted {of_stage[count]} rows, {of_stage[count] - more} are there")


def test_a_stage_without_stats_is_not_counted_twice() -> None:
    assert counted(dataclasses.replace(GOOD, stats={**GOOD.stats, "ingest_images": None})).verdict == "passed"


@pytest.mark.parametrize(("details", "verdict"), [({}, "passed"), ({"unknown_labels": 3}, "warned")])
def test_rows_of_the_labels_file_without_a_photograph_warn(details: dict[str, int], verdict: str) -> None:
    ingest = dict(GOOD.stats["ingest_images"] or {}) | {"details": details}
    assert labels_file_fits(ingest).verdict == verdict

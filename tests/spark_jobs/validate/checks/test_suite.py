"""All checks together: none is left out, none hides another, and the verdict follows the hard ones alone."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from image_features.errors import Unavailable
from image_features.reduce.gram import Gram
from image_features.validate.checks import summary
from image_features.validate.checks.check import Finding, ValidationFailedError, failed
from image_features.validate.checks.probes import Probe, probe
from image_features.validate.checks.suite import run_checks
from image_features.validate.evidence.evidence import Baseline, Evidence
from run_contract.checks import CHECKS
from tests.spark_jobs.made_up_run import (
    PROJECTED,
    REFITTED,
    VECTORS,
    facts,
    make_evidence,
    membership_of,
    with_model,
)

GOOD = make_evidence()


def judged(evidence: Evidence) -> list[Finding]:
    return run_checks(evidence, probe(evidence.sample))


def summarize(evidence: Evidence, found: Probe | Unavailable | None = None) -> dict[str, Any]:
    found = found or probe(evidence.sample)
    return summary.summarize(evidence, found, run_checks(evidence, found))


def verdicts(evidence: Evidence) -> dict[str, str]:
    return {check.name: check.verdict for check in judged(evidence)}


def test_a_good_run_passes_every_check() -> None:
    checks = judged(GOOD)
    # A run is asked for a share of the variance or for a number of components.
    forms = [form for form in CHECKS if form.name != "explained_variance_enough"]
    assert [(check.name, check.kind == "hard") for check in checks] == [(form.name, form.is_hard) for form in forms]
    assert {check.name: check.verdict for check in checks if check.verdict != "passed"} == {"model_drift": "skipped"}
    assert failed(checks) == []


def test_several_faults_are_all_told_at_once() -> None:
    broken = dataclasses.replace(
        GOOD,
        membership=membership_of(GOOD.sample.labels, GOOD.sample.splits, missing=1),
        features=facts(np.zeros((90, 24)), zero=4),
    )
    checks = judged(broken)
    assert {check.name for check in failed(checks)} == {"every_object_once", "no_zero_vectors"}
    error = str(ValidationFailedError("s3://bucket/runs/one/report", failed(checks)))
    assert error.startswith("s3://bucket/runs/one/report: 2 hard checks failed. every_object_once is 1, limit 0: ")
    assert "no_zero_vectors is 4, limit 0: 4 of 90 images" in error
    assert "\n" not in error


def test_a_warning_does_not_fail_the_run() -> None:
    evidence = dataclasses.replace(GOOD, features=dataclasses.replace(GOOD.features, norms=(1.0, 2.0, 3.0)))
    checks = judged(evidence)
    assert [check.name for check in checks if check.verdict == "warned"] == ["norm_quantiles"]
    assert failed(checks) == []


def test_a_model_that_does_not_load_fails_once_and_is_not_judged_further() -> None:
    found = verdicts(dataclasses.replace(GOOD, model=Unavailable("s3://bucket/model does not load")))
    assert found["model_reproduces_rows"] == "failed"
    unjudged = {"explained_variance_ordered", "explained_variance_enough", "explained_variance_true", "dead_dimensions"}
    unjudged |= {"model_drift"}
    assert {name for name, verdict in found.items() if verdict == "skipped"} == unjudged


def test_missing_stats_fail_and_what_needs_them_is_skipped() -> None:
    found = verdicts(dataclasses.replace(GOOD, stats=dict.fromkeys(GOOD.stats, None)))
    assert found["stages_complete"] == "failed"
    assert {name for name, verdict in found.items() if verdict == "skipped"} == {
        "features_width",
        "pca_features_width",
        "explained_variance_enough",
        "model_drift",
    }


def test_pca_features_without_moments_are_skipped_where_others_fail() -> None:
    pca_features = dataclasses.replace(GOOD.pca_features, non_finite=1)
    found = verdicts(dataclasses.replace(GOOD, moments=Unavailable("not finite"), pca_features=pca_features))
    assert found["pca_features_finite"] == "failed"
    assert found["pca_means_zero"] == found["pca_covariance_diagonal"] == found["explained_variance_true"] == "skipped"


def test_without_a_published_run_only_comparisons_are_skipped() -> None:
    found = verdicts(dataclasses.replace(GOOD, baseline=Unavailable("nothing is published yet")))
    skipped = {name for name, verdict in found.items() if verdict == "skipped"}
    assert skipped == {"norm_quantiles", "drift_classifier_auc", "drift_psi", "model_drift"}


@pytest.mark.parametrize(("comparable", "verdict"), [(True, "warned"), (False, "passed")])
def test_a_published_accuracy_is_a_limit_only_for_vectors_of_the_same_kind(comparable: bool, verdict: str) -> None:
    # Some labels are wrong: an accuracy of 1 passes whatever was published.
    labels = GOOD.sample.labels.copy()
    labels[:4] = labels[4:8]
    assert isinstance(GOOD.baseline, Baseline)
    published = dataclasses.replace(GOOD.baseline, summary={"linear_probe_accuracy": 1.5})
    baseline = published if comparable else Unavailable("the published run has other vectors")
    sample = dataclasses.replace(GOOD.sample, labels=labels)
    found = verdicts(dataclasses.replace(GOOD, sample=sample, baseline=baseline))
    assert found["linear_probe_accuracy"] == verdict


def test_the_summary_holds_what_the_contract_names() -> None:
    found = summarize(GOOD)
    assert (found["objects"], found["images"], found["rejects"], found["labels"]) == (95, 90, 2, 3)
    assert (found["ignored_objects"], found["reject_share"]) == (3, pytest.approx(2 / 92))
    assert (found["dimension"], found["components"], found["backbone"]) == (24, 6, "mobilenet_v2")
    assert found["weights"]["pretrained"] is True
    assert found["linear_probe_accuracy"] > 0.9
    json.dumps(found, allow_nan=False)


def test_the_summary_of_a_broken_run_has_nulls_not_holes() -> None:
    broken = dataclasses.replace(GOOD, model=Unavailable("does not load"), stats=dict.fromkeys(GOOD.stats, None))
    found = summarize(broken, Unavailable("too few labels"))
    assert set(found) == set(summarize(GOOD))
    assert found["components"] is found["linear_probe_accuracy"] is found["backbone"] is found["weights"] is None


def test_of_a_model_of_a_run_before_only_what_holds_of_any_rows_is_judged() -> None:
    # Moments as another model's would be: neither centred nor uncorrelated, nor of the variances that it claims.
    assert isinstance(GOOD.moments, Gram)
    moments = dataclasses.replace(GOOD.moments, mean=GOOD.moments.mean + 3, scatter=GOOD.moments.scatter * 2 + 50)
    projected = with_model(dataclasses.replace(GOOD, moments=moments), PROJECTED)
    checks = {check.name: check for check in judged(projected)}
    unjudged = {"pca_means_zero", "pca_covariance_diagonal", "explained_variance_true"}
    assert {name for name, check in checks.items() if check.verdict == "skipped"} == unjudged
    for name in unjudged:
        assert checks[name].advice == "the model was fitted on the 7,004 rows of s3://bucket/runs/before, not on these"
    assert (checks["model_drift"].verdict, checks["model_drift"].value, checks["model_drift"].limit) == (
        "passed",
        0.013,
        0.02,
    )
    refitted = verdicts(with_model(dataclasses.replace(GOOD, moments=moments), REFITTED))
    assert {refitted[name] for name in unjudged} == {"failed"}


def test_a_model_that_has_drifted_warns_and_says_what_to_do() -> None:
    drifted = with_model(GOOD, {**PROJECTED, "drift": 0.021})
    check = next(one for one in judged(drifted) if one.name == "model_drift")
    assert (check.kind, check.verdict) == ("soft", "warned")
    assert "run with reduce refit" in check.advice


def test_a_share_that_was_asked_for_is_not_judged_on_other_rows() -> None:
    projected = with_model(GOOD, PROJECTED, explained_variance=0.9999)
    check = next(one for one in run_checks(projected, Unavailable("none")) if one.name == "explained_variance_enough")
    reduce = GOOD.stats["reduce_features"]
    assert reduce is not None
    assert (check.verdict, check.value) == ("skipped", reduce["details"]["explained_variance"])
    assert verdicts(with_model(GOOD, REFITTED, explained_variance=0.9999))["explained_variance_enough"] == "failed"


def test_the_summary_says_where_vectors_and_model_come_from_and_older_stats_say_nothing() -> None:
    found = summarize(with_model(GOOD, PROJECTED), Unavailable("none"))
    assert (found["vectors"], found["model"]) == (VECTORS, PROJECTED)
    older = with_model(GOOD, None)
    assert summarize(older, Unavailable("none"))["model"] is None
    assert verdicts(older)["model_drift"] == "skipped"


def test_the_summary_of_a_projected_run_holds_what_the_model_keeps_of_its_rows() -> None:
    projected = with_model(GOOD, PROJECTED)
    reduce = dict(projected.stats["reduce_features"] or {})
    reduce["details"] = {**reduce["details"], "explained_variance": 0.5}
    projected = dataclasses.replace(projected, stats={**projected.stats, "reduce_features": reduce})
    assert summarize(projected, Unavailable("none"))["explained_variance"] == 0.5
    assert summarize(GOOD, Unavailable("none"))["explained_variance"] != 0.5

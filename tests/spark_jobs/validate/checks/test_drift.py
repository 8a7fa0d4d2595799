"""Drift from the published run: norms, a domain classifier, population stability."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm

from image_features.errors import Unavailable
from image_features.validate.checks.drift import (
    domain_auc,
    drift_classifier_auc,
    drift_psi,
    norm_quantiles,
    psi,
)
from image_features.validate.evidence.evidence import Baseline
from tests.spark_jobs.made_up_run import NORMS, comparable, make_evidence, published_summary

GOOD = make_evidence(per_label=200)
ROWS = GOOD.sample.vectors


def moved(shift: float) -> Baseline:
    return Baseline(published_summary(), *comparable(ROWS, shift))


def test_the_same_photographs_have_not_drifted() -> None:
    checks = [norm_quantiles(GOOD.features, moved(0)), drift_classifier_auc(moved(0)), drift_psi(moved(0))]
    assert [(check.kind, check.verdict) for check in checks] == [("soft", "passed")] * 3


def test_a_shift_is_seen_by_the_classifier_and_by_the_stability_index() -> None:
    checks = [drift_classifier_auc(moved(2)), drift_psi(moved(2))]
    assert [check.verdict for check in checks] == ["warned", "warned"]
    assert "component 1 " in checks[1].advice


def test_the_auc_of_two_normal_clouds_is_the_theoretical_one() -> None:
    rng = np.random.default_rng(0)
    then, now = rng.normal(size=(4000, 2)), rng.normal(loc=(1.0, 0.0), size=(4000, 2))
    assert domain_auc(then, now) == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.02)


def test_the_stability_index_is_that_of_its_formula() -> None:
    then = np.arange(1000.0)
    # Nine tenths of the rows fall into the first decile, the others stay spread as they were.
    now = np.concatenate([np.zeros(900), np.linspace(0, 999, 100)])
    shares = np.full(10, 0.01)
    shares[0] = 0.91
    expected = np.sum((shares - 0.1) * np.log(shares / 0.1))
    assert psi(then, now) == pytest.approx(expected, rel=0.05)
    assert psi(then, then) == pytest.approx(0, abs=1e-9)


def test_the_stability_index_warns_from_half_a_deviation_on() -> None:
    rows = np.random.default_rng(0).normal(size=(4000, 10))
    verdicts = [drift_psi(Baseline({}, rows[:2000], rows[2000:] + shift)).verdict for shift in (0.4, 0.6)]
    assert verdicts == ["passed", "warned"]


def test_few_rows_are_not_called_drift_for_the_noise_in_them() -> None:
    rng = np.random.default_rng(4)
    verdicts = {
        drift_psi(Baseline({}, rng.normal(size=(40, 10)), rng.normal(size=(40, 10)))).verdict for _ in range(20)
    }
    assert verdicts == {"passed"}


def test_norms_that_changed_by_a_fifth_warn() -> None:
    facts = dataclasses.replace(GOOD.features, norms=(NORMS[0], NORMS[1] * 1.2, NORMS[2]))
    check = norm_quantiles(facts, moved(0))
    assert check.verdict == "warned"
    assert check.value == pytest.approx(0.2)


@pytest.mark.parametrize("check", [drift_classifier_auc, drift_psi])
def test_without_a_published_run_there_is_nothing_to_judge(check) -> None:  # type: ignore[no-untyped-def]
    found = check(Unavailable("nothing is published yet"))
    assert (found.verdict, found.advice, found.value) == ("skipped", "nothing is published yet", None)
    assert norm_quantiles(GOOD.features, Unavailable("nothing is published yet")).verdict == "skipped"


def test_runs_of_other_vectors_are_not_compared() -> None:
    other = Unavailable("the published run has other vectors")
    found = [drift_classifier_auc(other), drift_psi(other), norm_quantiles(GOOD.features, other)]
    assert {(check.verdict, check.advice) for check in found} == {("skipped", other.reason)}


def test_a_handful_of_images_is_not_compared() -> None:
    few = Baseline({}, ROWS[:10].astype(float), ROWS[:500].astype(float))
    assert drift_classifier_auc(few).verdict == "skipped"

"""Widths, NaN, zeros, dead dimensions and repeated vectors."""

import dataclasses

import numpy as np
import pytest

from image_features.reduce.pca import PcaModel
from image_features.validate.checks.vectors import (
    dead_dimensions,
    features_finite,
    features_width,
    no_zero_vectors,
    repeated_vectors,
)
from image_features.validate.evidence.evidence import VectorFacts

GOOD = VectorFacts(rows=100, narrowest=8, widest=8, non_finite=0, zero=0, repeated=0, norms=(1.0, 2.0, 3.0))


def model_of(std: list[float]) -> PcaModel:
    width = len(std)
    ratios = np.full(width, 1 / width)
    return PcaModel(100, np.zeros(width), np.array(std), np.eye(width), ratios, ratios)


def test_vectors_as_wide_as_promised_pass() -> None:
    check = features_width(GOOD, 8)
    assert (check.verdict, check.value, check.limit) == ("passed", 8, 8)


@pytest.mark.parametrize(
    ("narrowest", "widest", "value"), [(8, 8, 8), (7, 9, "7 to 9"), (-1, 9, "-1 to 9"), (8, 9, "8 to 9")]
)
def test_vectors_of_another_width_fail(narrowest: int, widest: int, value: object) -> None:
    facts = dataclasses.replace(GOOD, narrowest=narrowest, widest=widest)
    check = features_width(facts, 9)
    assert (check.verdict, check.value, check.limit) == ("failed", value, 9)


def test_a_width_that_no_stats_promise_is_skipped_not_passed() -> None:
    check = features_width(GOOD, None)
    assert (check.kind, check.verdict) == ("hard", "skipped")
    assert "featurize_images" in check.advice


def test_nan_and_inf_fail() -> None:
    assert features_finite(GOOD).verdict == "passed"
    check = features_finite(dataclasses.replace(GOOD, non_finite=2))
    assert (check.verdict, check.value) == ("failed", 2)


def test_zero_vectors_fail() -> None:
    assert no_zero_vectors(GOOD).verdict == "passed"
    assert no_zero_vectors(dataclasses.replace(GOOD, zero=1)).verdict == "failed"


def test_more_dead_dimensions_than_half_warn() -> None:
    assert dead_dimensions(model_of([0.0, 1.0]), None).verdict == "passed"
    check = dead_dimensions(model_of([0.0, 0.0, 1.0]), None)
    assert (check.kind, check.verdict) == ("soft", "warned")
    assert check.value == pytest.approx(2 / 3)


def test_more_dead_dimensions_than_published_warn() -> None:
    model = model_of([0.0] * 10 + [1.0] * 90)
    assert dead_dimensions(model, 0.06).verdict == "passed"
    assert dead_dimensions(model, 0.04).verdict == "warned"


def test_repeated_vectors_warn_above_their_limit() -> None:
    assert repeated_vectors(dataclasses.replace(GOOD, repeated=5), None).verdict == "passed"
    assert repeated_vectors(dataclasses.replace(GOOD, repeated=6), None).verdict == "warned"
    assert repeated_vectors(dataclasses.replace(GOOD, repeated=5), 0.0).verdict == "warned"

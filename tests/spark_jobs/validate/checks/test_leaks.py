"""Leaks from Training to Test: when the check warns, and what the probe says with near-duplicates kept together."""

import dataclasses

import numpy as np

from image_features.errors import Unavailable
from image_features.validate.checks.grouped_probe import TOO_FEW, probe_twice
from image_features.validate.checks.leaks import split_leaks
from image_features.validate.checks.probes import Probe, probe
from image_features.validate.duplicates.leak_free_split import leak_free_split
from image_features.validate.evidence.evidence import Sample
from tests.spark_jobs.made_up_run import make_evidence, no_duplicates

SAMPLE = make_evidence(per_label=60).sample


def leaking() -> tuple[Sample, np.ndarray]:
    """Things of which each was photographed 18 times, in no order, and their numbers: labels mean nothing."""
    rng = np.random.default_rng(0)
    things = np.repeat(np.arange(20), 18)
    vectors = rng.normal(size=(20, 12))[things] + 0.01 * rng.normal(size=(360, 12))
    labels = rng.choice(np.array(["Apple", "Banana"], dtype=object), 20)[things]
    splits = rng.choice(np.array(["Training", "Test"], dtype=object), 360)
    uris = np.array([f"s3://b/{number}.jpg" for number in range(360)], dtype=object)
    return Sample(vectors.astype(np.float32), uris, labels, splits), things


def both(sample: Sample, groups: np.ndarray, splits: np.ndarray) -> tuple[Probe, Probe]:
    duplicates = no_duplicates(sample.splits, sample_groups=groups, sample_splits=splits)
    given = probe_twice(sample, duplicates)
    assert isinstance(given, Probe)
    assert isinstance(given.grouped, Probe)
    return given, given.grouped


def test_a_leak_makes_labels_that_mean_nothing_look_learned_and_groups_show_it() -> None:
    sample, things = leaking()
    splits = leak_free_split(things, sample.splits, (sample.labels == "Apple").astype(int))
    given, grouped = both(sample, things, splits)
    assert given.knn_accuracy > 0.95
    assert grouped.knn_accuracy < 0.75
    assert {given.protocol, grouped.protocol} == {"split"}


def test_the_same_holds_where_there_is_no_split() -> None:
    sample, things = leaking()
    sample = dataclasses.replace(sample, splits=np.full(360, None, dtype=object))
    given, grouped = both(sample, things, sample.splits)
    assert given.knn_accuracy > 0.95
    assert grouped.knn_accuracy < 0.75
    assert len(grouped.scored) == len(given.scored) == 360


def test_without_near_duplicates_both_are_the_same() -> None:
    given, grouped = both(SAMPLE, np.arange(len(SAMPLE.labels)), SAMPLE.splits)
    np.testing.assert_array_equal(grouped.linear, given.linear)
    alone = dataclasses.replace(SAMPLE, splits=np.full(len(SAMPLE.labels), None, dtype=object))
    given, grouped = both(alone, np.arange(len(SAMPLE.labels)), alone.splits)
    np.testing.assert_array_equal(grouped.linear, given.linear)


def test_what_cannot_be_scored_says_why() -> None:
    reason = Unavailable("the weights are random")
    found = probe_twice(SAMPLE, reason)
    assert isinstance(found, Probe)
    assert found.grouped == reason
    no_test = np.full(len(SAMPLE.labels), "Training", dtype=object)
    found = probe_twice(SAMPLE, no_duplicates(SAMPLE.splits, sample_splits=no_test))
    assert isinstance(found, Probe)
    assert found.grouped == TOO_FEW
    without_labels = dataclasses.replace(SAMPLE, labels=np.full(len(SAMPLE.labels), None, dtype=object))
    assert probe_twice(without_labels, no_duplicates(SAMPLE.splits)) == probe(without_labels)


def test_more_than_two_per_cent_of_test_warn_and_no_test_is_not_judged() -> None:
    few, many = (no_duplicates(SAMPLE.splits, test=100, leaked=leaked) for leaked in (2, 3))
    assert split_leaks(few).verdict == "passed"
    found = split_leaks(many)
    assert (found.kind, found.verdict, found.value) == ("soft", "warned", 0.03)
    assert found.advice.startswith("3 of the 100 photographs of Test have a near-duplicate in Training")
    assert split_leaks(no_duplicates(SAMPLE.splits, test=0)).verdict == "skipped"
    assert split_leaks(Unavailable("why")).advice == "why"


def test_too_few_groups_for_folds_are_said_and_end_nothing() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.array(["Apple", "Banana"], dtype=object), 20)
    uris, none = np.array([f"s3://b/{number}.jpg" for number in range(40)], dtype=object), np.full(40, None, object)
    sample = Sample(rng.normal(size=(40, 4)).astype(np.float32), uris, labels, none)
    duplicates = no_duplicates(none, sample_groups=np.repeat([0, 1], 20), sample_splits=none)
    found = probe_twice(sample, duplicates)
    assert isinstance(found, Probe)
    assert isinstance(found.grouped, Unavailable)
    assert "no cross-validation" in found.grouped.reason

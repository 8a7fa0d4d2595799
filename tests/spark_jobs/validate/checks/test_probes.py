"""Linear probe and nearest neighbors: what they train on, what they score, when they warn."""

import dataclasses

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from image_features.errors import Unavailable
from image_features.validate.checks.probes import Probe, knn_accuracy, linear_probe_accuracy, probe
from image_features.validate.evidence.evidence import Sample
from tests.spark_jobs.made_up_run import make_evidence
from tests.spark_jobs.synthetic import labelled_vectors

SAMPLE = make_evidence(per_label=60).sample


def probed(sample: Sample) -> Probe:
    found = probe(sample)
    assert isinstance(found, Probe)
    return found


def without_splits(sample: Sample) -> Sample:
    return dataclasses.replace(sample, splits=np.full(len(sample.labels), None, dtype=object))


def test_separate_clouds_are_told_apart() -> None:
    found = probed(SAMPLE)
    assert found.linear_accuracy > 0.95
    assert found.knn_accuracy > 0.95


def test_it_trains_on_training_and_scores_every_image_of_test() -> None:
    found = probed(SAMPLE)
    test, training = SAMPLE.splits == "Test", SAMPLE.splits == "Training"
    assert (found.protocol, found.trained) == ("split", int(training.sum()))
    np.testing.assert_array_equal(found.scored, np.flatnonzero(test))
    neighbors = KNeighborsClassifier(5).fit(SAMPLE.vectors[training], SAMPLE.labels[training].astype(str))
    expected = neighbors.score(SAMPLE.vectors[test], SAMPLE.labels[test].astype(str))
    assert found.knn_accuracy == pytest.approx(expected)


def test_labels_that_training_never_saw_are_not_scored() -> None:
    splits = np.where(SAMPLE.labels == "Cherry", "Test", SAMPLE.splits)
    found = probed(dataclasses.replace(SAMPLE, splits=splits))
    assert set(found.truth) == {"Apple", "Banana"}


@pytest.mark.parametrize("shots", [1, 2])
def test_a_training_of_fewer_photographs_than_neighbors_is_scored_all_the_same(shots: int) -> None:
    counts, splits = dict.fromkeys(("Apple", "Banana"), 0), np.full(len(SAMPLE.labels), "Test", dtype=object)
    for place, label in enumerate(SAMPLE.labels):
        if label in counts and counts[label] < shots:
            splits[place], counts[label] = "Training", counts[label] + 1
    found = probed(dataclasses.replace(SAMPLE, splits=splits))
    assert (found.protocol, found.trained) == ("split", 2 * shots)
    # With as many neighbors as photographs each label has as many votes: the first one wins.
    assert found.knn_accuracy == pytest.approx(np.mean(found.truth == "Apple"))


def test_without_splits_it_is_cross_validated() -> None:
    found = probed(without_splits(SAMPLE))
    assert (found.protocol, len(found.scored)) == ("folds", len(SAMPLE.labels))
    assert found.linear_accuracy > 0.95


def test_shuffled_labels_warn() -> None:
    labels = np.random.default_rng(1).permutation(SAMPLE.labels)
    found = probed(dataclasses.replace(SAMPLE, labels=labels))
    assert linear_probe_accuracy(found, 0.9).verdict == "warned"
    assert knn_accuracy(found, 0.9).verdict == "warned"


def test_no_better_than_guessing_warns_without_a_published_run_too() -> None:
    labels = np.array(["Apple", "Banana"] * 20, dtype=object)
    apples = np.full(40, "Apple", dtype=object)
    found = Probe("split", 40, np.arange(40), labels, apples, labels)
    assert found.guessing == 0.5
    assert (linear_probe_accuracy(found, None).verdict, knn_accuracy(found, None).verdict) == ("warned", "passed")


def test_two_points_less_than_published_is_still_good_and_three_are_not() -> None:
    found = probed(SAMPLE)
    accuracy = found.linear_accuracy
    assert linear_probe_accuracy(found, accuracy + 0.019).verdict == "passed"
    assert linear_probe_accuracy(dataclasses.replace(found, linear=found.truth[::-1]), 0.99).verdict == "warned"


@pytest.mark.parametrize("label", [None, "Apple"])
def test_too_few_labels_are_skipped(label: str | None) -> None:
    found = probe(dataclasses.replace(SAMPLE, labels=np.full(len(SAMPLE.labels), label, dtype=object)))
    assert isinstance(found, Unavailable)
    check = linear_probe_accuracy(found, None)
    assert (check.verdict, check.advice) == ("skipped", found.reason)


def test_labels_that_are_not_in_every_fold_and_images_without_one_are_left_out() -> None:
    labels = SAMPLE.labels.copy()
    labels[:4], labels[4:9], labels[9:15] = "Too rare", "Rare", None
    found = probed(dataclasses.replace(without_splits(SAMPLE), labels=labels))
    assert set(found.truth) == {"Apple", "Banana", "Cherry", "Rare"}
    assert len(found.scored) == len(labels) - 10


def test_features_that_are_not_finite_are_not_scored() -> None:
    vectors = SAMPLE.vectors.copy()
    vectors[3, 1] = np.nan
    assert probe(dataclasses.replace(SAMPLE, vectors=vectors)) == Unavailable(
        "the PCA features are empty or not finite"
    )


def test_the_size_of_the_vectors_is_nothing_to_the_linear_probe() -> None:
    vectors, labels = labelled_vectors(per_label=60, apart=0.5)
    uneven = dataclasses.replace(SAMPLE, vectors=vectors, labels=labels)
    small, large = (dataclasses.replace(uneven, vectors=vectors * np.float32(size)) for size in (2**-10, 2**10))
    np.testing.assert_array_equal(probed(small).linear, probed(large).linear)


def test_the_same_sample_gives_the_same_numbers() -> None:
    first, second = probed(without_splits(SAMPLE)), probed(without_splits(SAMPLE))
    np.testing.assert_array_equal(first.linear, second.linear)

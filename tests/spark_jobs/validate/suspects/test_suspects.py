"""Suspects: labels that were exchanged are found, and what is written corrects the next run."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from image_features.errors import Unavailable
from image_features.validate.evidence.evidence import Sample
from image_features.validate.evidence.nearest import nearest_of
from image_features.validate.suspects.doubtful_labels import find_suspects
from image_features.validate.suspects.suspects import Suspect, Suspects
from image_features.validate.suspects.write_suspects import labels_file
from run_contract.labels import Facts, read_csv
from tests.spark_jobs.synthetic import labelled_vectors

LABELS = ("Apple", "Banana", "Cherry", "Date")


def mislabelled() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, labels of which 3 % are wrong, the true ones, and URIs."""
    vectors, truth = labelled_vectors(LABELS, per_label=100, apart=2.0)
    labels = truth.copy()
    for row in np.random.default_rng(0).choice(len(labels), 12, replace=False):
        labels[row] = next(label for label in LABELS if label != truth[row])
    uris = np.array([f"s3://b/in/{label}/{row}.jpg" for row, label in enumerate(labels)], dtype=object)
    return vectors, labels, truth, uris


def looked_for(vectors: np.ndarray, labels: np.ndarray, uris: np.ndarray) -> Suspects | Unavailable:
    sample = Sample(vectors, uris, labels, np.full(len(labels), None, dtype=object))
    return find_suspects(sample, nearest_of(vectors, 0, len(vectors)))


def found_in(vectors: np.ndarray, labels: np.ndarray, uris: np.ndarray) -> Suspects:
    found = looked_for(vectors, labels, uris)
    assert isinstance(found, Suspects)
    return found


def test_exchanged_labels_are_found_and_the_true_ones_suggested() -> None:
    vectors, labels, truth, uris = mislabelled()
    found = found_in(vectors, labels, uris)
    wrong = labels != truth
    doubt = dict.fromkeys(uris, 0.0) | {suspect.uri: suspect.doubt for suspect in found.found}
    assert average_precision_score(wrong, [doubt[uri] for uri in uris]) > 0.95
    true_label = dict(zip(uris, truth, strict=True))
    exchanged = [suspect for suspect in found.found if true_label[suspect.uri] != suspect.label]
    assert len(exchanged) >= 11
    assert all(suspect.suggested == true_label[suspect.uri] for suspect in exchanged)
    assert [suspect.doubt for suspect in found.found] == sorted((one.doubt for one in found.found), reverse=True)
    assert found.looked_at == 400


def test_wrong_labels_come_first_also_among_vectors_with_outliers() -> None:
    names, found_well = tuple("abcdefgh"), []
    for seed in range(5):
        random = np.random.default_rng(seed)
        vectors, truth = labelled_vectors(names, per_label=50, columns=40, seed=seed)
        labels = truth.copy()
        for row in random.choice(len(labels), 12, replace=False):
            labels[row] = names[(names.index(truth[row]) + random.integers(1, len(names))) % len(names)]
        # Student's distribution with 1.5 degrees of freedom has no variance: some entries are very large.
        vectors += random.standard_t(1.5, vectors.shape).astype(np.float32) - 10
        uris = np.arange(len(labels)).astype(str).astype(object)
        doubt = {suspect.uri: suspect.doubt for suspect in found_in(vectors, labels, uris).found}
        found_well.append(average_precision_score(labels != truth, [doubt.get(uri, 0.0) for uri in uris]))
    assert np.mean(found_well) > 0.96


def test_right_labels_of_separate_clouds_are_no_suspects() -> None:
    vectors, truth = labelled_vectors(LABELS, apart=5.0)
    assert found_in(vectors, truth, truth).found == []


def test_rare_labels_and_images_without_one_are_not_looked_at() -> None:
    vectors, labels, _, uris = mislabelled()
    labels[:4], labels[4:9] = "Rare", None
    found = found_in(vectors, labels, uris)
    assert found.looked_at == 391
    assert not {suspect.uri for suspect in found.found} & set(uris[:9])


@pytest.mark.parametrize("label", [None, "Apple"])
def test_fewer_than_two_labels_are_not_looked_at(label: str | None) -> None:
    vectors, labels, _, uris = mislabelled()
    found = looked_for(vectors, np.full(len(labels), label, dtype=object), uris)
    assert isinstance(found, Unavailable)
    assert "fewer than two labels" in found.reason


def test_vectors_that_are_not_finite_are_not_looked_at() -> None:
    vectors, labels, _, uris = mislabelled()
    vectors[3, 1] = np.inf
    for rows in (slice(None), slice(0)):
        sample = Sample(vectors[rows], uris[rows], labels[rows], labels[rows])
        assert isinstance(find_suspects(sample, np.empty((0, 0), int)), Unavailable)


def test_the_file_of_suspects_is_a_labels_file_that_changes_nothing_until_it_is_corrected() -> None:
    vectors, labels, _, uris = mislabelled()
    found = found_in(vectors, labels, uris).found
    found = [dataclasses.replace(found[0], suggested="\U0001f34e, <b>\n"), *found[1:]]
    corrections = read_csv(labels_file(found, [], "s3://b/in/").splitlines(keepends=True))
    expected = {one.uri.removeprefix("s3://b/in/"): Facts(one.label) for one in found}
    assert {path: one.facts for path, one in corrections.items()} == expected
    assert not any(one.exclude for one in corrections.values())


@pytest.mark.parametrize("label", ["Apple ", "\u3000Apple", "App\x7fle"])
def test_a_label_that_no_labels_file_can_name_is_kept_by_an_empty_cell(label: str) -> None:
    found = [Suspect("s3://b/in/Apple /1.jpg", label, "Fig", 0.9), Suspect("s3://b/in/Fig/1.jpg", "Fig", "Apple", 0.9)]
    corrections = read_csv(labels_file(found, [], "s3://b/in").splitlines(keepends=True))
    assert {path: one.facts.label for path, one in corrections.items()} == {"Apple /1.jpg": None, "Fig/1.jpg": "Fig"}

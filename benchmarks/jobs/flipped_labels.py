"""Prints how well the suspects of a run find labels that were flipped on purpose, next to what cleanlab finds.

    flipped_labels.py PCA_FEATURES_FOLDER [--share 0.03] [--rounds 11]

Run with PYTHONPATH=spark_jobs:. in a copy of the Spark environment with cleanlab. Cleanlab gets the probabilities of
its usual classifier, a logistic regression, cross-validated on the same vectors. What a list leaves out counts as found
last; cleanlab's order of all photographs leaves nothing out. Each round flips other labels.
"""

import argparse
import json

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from pyarrow import dataset
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from image_features.validate.evidence.evidence import Sample
from image_features.validate.evidence.nearest import nearest_of
from image_features.validate.suspects.doubtful_labels import FOLDS, find_suspects
from image_features.validate.suspects.suspects import Suspects


def average_precisions(vectors: np.ndarray, labels: np.ndarray, share: float, seed: int) -> dict[str, float]:
    random = np.random.default_rng(seed)
    names, numbers = np.unique(labels, return_inverse=True)
    wrong = np.zeros(len(labels), bool)
    wrong[random.choice(len(labels), round(share * len(labels)), replace=False)] = True
    flipped = np.where(wrong, (numbers + random.integers(1, len(names), len(labels))) % len(names), numbers)

    places = np.arange(len(labels)).astype(object)
    sample = Sample(vectors, places, names[flipped].astype(object), np.full(len(labels), None, dtype=object))
    found = find_suspects(sample, nearest_of(vectors, 0, len(vectors)))
    assert isinstance(found, Suspects)
    doubts = np.zeros(len(labels))
    for suspect in found.found:
        doubts[int(suspect.uri)] = suspect.doubt

    folds = StratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=0)
    scaled = vectors / np.sqrt(np.mean(vectors**2))
    classifier = LogisticRegression(max_iter=200)
    probabilities = cross_val_predict(classifier, scaled, flipped, cv=folds, method="predict_proba")
    theirs = 1 - get_label_quality_scores(flipped, probabilities)
    listed = find_label_issues(flipped, probabilities)
    return {
        "suspects": average_precision_score(wrong, doubts),
        "cleanlab's list": average_precision_score(wrong, np.where(listed, theirs, 0)),
        "cleanlab's order of all": average_precision_score(wrong, theirs),
        "flipped": int(wrong.sum()),
        "flipped among the suspects": int((doubts[wrong] > 0).sum()),
        "suspects listed": len(found.found),
        "cleanlab listed": int(listed.sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pca_features")
    parser.add_argument("--share", type=float, default=0.03)
    parser.add_argument("--rounds", type=int, default=11)
    given = parser.parse_args()
    table = dataset.dataset(given.pca_features, format="parquet").to_table(columns=["label", "pca_features"])
    labels = np.array(table["label"].to_pylist(), dtype=str)
    vectors = np.array(table["pca_features"].to_pylist(), dtype=np.float32)
    names, counts = np.unique(labels, return_counts=True)
    kept = np.isin(labels, names[counts >= 2 * FOLDS])
    rounds = [average_precisions(vectors[kept], labels[kept], given.share, seed) for seed in range(given.rounds)]
    medians = {name: round(float(np.median([each[name] for each in rounds])), 4) for name in rounds[0]}
    print(json.dumps({"images": int(kept.sum()), "labels": len(np.unique(labels[kept])), **medians, "rounds": rounds}))


if __name__ == "__main__":
    main()

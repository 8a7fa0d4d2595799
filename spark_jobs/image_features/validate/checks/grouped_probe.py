"""The probe once more with groups of near-duplicates kept together, which shows what leaks add to an accuracy."""

from dataclasses import replace

import numpy as np

from image_features.errors import Unavailable
from image_features.validate.checks.probes import Probe, probe
from image_features.validate.duplicates.duplicates import Duplicates
from image_features.validate.evidence.evidence import Sample

TOO_FEW = Unavailable("with near-duplicates kept together, Training and Test have no two labels in common")


def probe_twice(sample: Sample, duplicates: Duplicates | Unavailable) -> Probe | Unavailable:
    """Return the probe of the sample as it is given, which holds the one with groups kept together as `grouped`."""
    given = probe(sample)
    if isinstance(given, Unavailable):
        return given
    return replace(given, grouped=_grouped(sample, given, duplicates))


def _grouped(sample: Sample, given: Probe, duplicates: Duplicates | Unavailable) -> Probe | Unavailable:
    if isinstance(duplicates, Unavailable):
        return duplicates
    if given.protocol == "folds":
        is_alone = len(np.unique(duplicates.sample_groups)) == len(duplicates.sample_groups)
        return given if is_alone else _in_folds(sample, duplicates)
    if np.array_equal(duplicates.sample_splits, sample.splits):
        return given
    found = probe(replace(sample, splits=duplicates.sample_splits))
    return found if isinstance(found, Probe) and found.protocol == "split" else TOO_FEW


def _in_folds(sample: Sample, duplicates: Duplicates) -> Probe | Unavailable:
    try:
        return probe(sample, duplicates.sample_groups)
    except ValueError as error:
        # scikit-learn refuses fewer groups than folds, and a fold whose training rows have one label.
        return Unavailable(f"with near-duplicates kept together there is no cross-validation: {error}")

"""Flaws: photographs that are dark, light, flat, gray, blurred, or of an odd size or shape, by their looks. Pure."""

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from image_features.validate.suspects.suspects import Flawed, Flaws

# Nearly all pixels are darker, or lighter; the photographs of Fruits-360 and of the grocery set leave 0.1 on each side.
DARK, LIGHT = 0.35, 0.8
FEW_BITS = 1.5
GRAY = 0.01
# A blur by 2 % of the side takes at least so much of the sharpness that a label's photographs have.
BLURRED_SHARE = 1 / 8
FEWEST_OF_A_LABEL = 10
ODD_SIZE = 10.0
ODD_SHAPE = 1 / 3
# What more photographs have is how the set is, and no flaw.
MOST_SHARE = 0.2


def find_flaws(measures: pa.Table) -> Flaws:
    """Return the flaws by the measures of all images; an image has one flaw at most, the first that applies.

    Sharpness is compared with that of the image's own label, because one fruit is smoother than another, and sizes with
    the middle one of the run.
    """
    uris = measures["uri"]
    # A Python text for each URI would take more memory than all the numbers.
    looks: pd.DataFrame = measures.drop_columns(["uri"]).to_pandas()
    counts: Counter[str] = Counter()
    found: list[Flawed] = []
    usual, is_free = [], np.ones(len(looks), bool)
    # How bad each is, above zero for a flaw.
    for flaw, badness in _badness(looks).items():
        rows = np.flatnonzero(is_free & (badness > 0))
        if not len(rows):
            continue
        counts[flaw] = len(rows)
        if len(rows) > MOST_SHARE * len(looks):
            usual.append(flaw)
            continue
        is_free[rows] = False
        worst = rows[np.argsort(-badness[rows], kind="stable")]
        found += [Flawed(uris[row].as_py(), looks["label"][row], flaw) for row in worst.tolist()]
    return Flaws(len(looks), found, counts, usual)


def _badness(looks: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    sharpness = np.log(looks["sharpness"].clip(lower=1e-3))
    of_label = sharpness.groupby(looks["label"], dropna=False)
    usual = of_label.transform("median").where(of_label.transform("size") >= FEWEST_OF_A_LABEL, sharpness.median())
    pixels = np.log(looks["width_px"].astype(float) * looks["height_px"])
    sides = looks[["width_px", "height_px"]]
    return {
        "dark": (DARK - looks["brightest"]).to_numpy(float),
        "light": (looks["darkest"] - LIGHT).to_numpy(float),
        "low_information": (FEW_BITS - looks["entropy"]).to_numpy(float),
        "gray": (GRAY - looks["colorfulness"]).to_numpy(float),
        "blurred": (usual + np.log(BLURRED_SHARE) - sharpness).to_numpy(float),
        "odd_size": ((pixels - pixels.median()).abs() - np.log(ODD_SIZE)).to_numpy(float),
        "odd_shape": (ODD_SHAPE - sides.min(axis=1) / sides.max(axis=1)).to_numpy(float),
    }

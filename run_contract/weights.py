"""The forms of the param `weights`: Keras's own, random ones, or a file in S3."""

import re

IMAGENET = "imagenet"
_SEED = "random:[0-9]{1,9}"
FORM = rf"{IMAGENET}|{_SEED}|s3://[^/]+/.+"
"""What a run takes, as a whole text."""
BY_HAND = rf"{FORM}|(?!random:|s3:).+"
"""What a job that is called by hand takes: a path on the driver's machine too."""


def seed_of(weights: str) -> int | None:
    """Return the seed of random weights, null if `weights` names a file.

    >>> seed_of("random:7"), seed_of("imagenet")
    (7, None)
    """
    return int(weights.partition(":")[2]) if re.fullmatch(_SEED, weights) else None


def is_named(weights: str) -> bool:
    """Return whether a run can take these weights as they are written, and no file has to be brought first."""
    return re.fullmatch(FORM, weights) is not None

"""The forms of the param `weights`: Keras's own, random ones, or a file in S3; and why weights cannot be had."""

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


def unavailable_text(source: str, network: str, models_uri: str, detail: str) -> str:
    """Return why weights cannot be had, and what to do."""
    return (
        f"weights {source!r} of {network} cannot be had: {detail}. Three ways out: run once from a machine with "
        f"internet and the same bucket, which stages them under {models_uri}; give a file of your own as weights, "
        "s3://bucket/key (or a path, to a job by hand); or give random:0, only to try the pipeline"
    )

"""What is known of a run's doubtful images: labels that their vectors contradict, and flaws of the pictures. Pure.

Every worker imports this module: what finds them lies in modules of its own, for scikit-learn takes a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from image_features.errors import Unavailable

NO_SUSPECTS = Unavailable("suspects were not looked for")


@dataclass(frozen=True)
class Suspect:
    """An image whose label is doubtful: `doubt` is from 0.5 to 1, and `suggested` the label that its vector has."""

    uri: str
    label: str
    suggested: str
    doubt: float


@dataclass(frozen=True)
class Suspects:
    """The suspects among the images that were `looked_at`, those with most doubt first."""

    looked_at: int
    found: list[Suspect]


@dataclass(frozen=True)
class Flawed:
    """An image with a flaw, one of the names in `Flaws.counts`."""

    uri: str
    label: str | None
    flaw: str


@dataclass(frozen=True)
class Flaws:
    """The flawed images among all that were `looked_at`, by flaw, the worst first.

    `counts` says how many images have each flaw; `usual` are the flaws that so many have that none is listed.
    """

    looked_at: int
    found: list[Flawed]
    counts: Mapping[str, int]
    usual: list[str]


NO_FLAWS = Flaws(0, [], {}, [])

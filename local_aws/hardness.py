"""How hard the endpoint is on its clients: what AWS does now and then, and what it never gives. Pure."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Hardness:
    """What is hard about an endpoint; by default, nothing is."""

    requests_per_s: int = 0
    """S3 answers so many requests a second, and 503 SlowDown to the others; 0 for no limit."""
    metadata_misses: int = 0
    """Every so many requests to the metadata service, one is not answered; 0 for none."""
    deletion_errors: int = 0
    """Every so many keys in DeleteObjects, one is an InternalError and stays; 0 for none."""
    bare_steps: int = 0
    """1: steps get no key and no region; they ask the metadata service, and the Configurations of their cluster."""
    processors: int = 0
    """1: steps compute as the weakest processor among the instance types of their cluster does."""
    no_spot: int = 0
    """1: Spot instances never come; those that a cluster begins with run on demand after their timeout, if asked."""
    offline_steps: int = 0
    """1: steps and bootstrap actions have a network of their own, in which the endpoint is and nothing else."""
    region: str = ""
    """S3 refuses what is signed for another region; empty for no refusal."""


LIKE_AWS = Hardness(
    requests_per_s=20, metadata_misses=5, deletion_errors=50, bare_steps=1, processors=1, no_spot=1, offline_steps=1
)


def read_hardness(like_aws: bool, settings: Sequence[str]) -> Hardness:
    """Return the hardness that `name=value` settings change; raise ValueError for one that is not there.

    >>> read_hardness(False, ["requests_per_s=20"]).requests_per_s
    20
    """
    base = LIKE_AWS if like_aws else Hardness()
    kinds = {field.name: type(getattr(base, field.name)) for field in fields(Hardness)}
    values: dict[str, Any] = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if name not in kinds or not separator:
            raise ValueError(f"--hard {setting}: give one of {', '.join(f'{each}=...' for each in kinds)}")
        if kinds[name] is int and not text.isdecimal():
            raise ValueError(f"--hard {setting}: give a whole number, 0 or more")
        values[name] = kinds[name](text)
    return Hardness(**vars(base) | values)


class Pace:
    """The requests of a second that are answered; up to a second's worth of them may come at once."""

    def __init__(self, requests_per_s: float) -> None:
        self._rate, self._left, self._at = requests_per_s, requests_per_s, time.monotonic()
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Return whether one more request is answered now."""
        with self._lock:
            now = time.monotonic()
            self._left = min(self._rate, self._left + (now - self._at) * self._rate)
            self._at = now
            is_allowed = self._left >= 1
            self._left -= is_allowed
        return is_allowed or not self._rate


class Strikes:
    """Counts of what an endpoint did to its clients, by the name of the hardness."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def __str__(self) -> str:
        """Return the counts in words; empty if nothing struck."""
        return ", ".join(f"{name} {count} times" for name, count in sorted(self._counts.items()))


class EveryNth:
    """Answer that is yes every n-th time, and never for 0."""

    def __init__(self, n: int) -> None:
        self._n, self._asked = n, itertools.count(1)

    def __call__(self) -> bool:
        return next(self._asked) % self._n == 0 if self._n else False

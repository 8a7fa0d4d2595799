"""How hard the endpoint is on its clients: what AWS does now and then, and what it never gives. Pure."""

import itertools
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Hardness:
    """What is hard; the default is an endpoint that is kind in everything."""

    requests_per_s: int = 0
    """S3 answers so many requests a second, and 503 SlowDown to the others; 0 for all of them."""
    metadata_misses: int = 0
    """Each request of this number to the metadata service is not answered; 0 for none."""
    deletion_errors: int = 0
    """Each key of this number in DeleteObjects is not deleted, by an InternalError; 0 for none."""
    bare_steps: bool = False
    """Steps get no key and no region: they ask the metadata service, and the Configurations of their cluster."""
    region: str | None = None
    """S3 refuses requests that are signed for another region; None for no refusal."""


LIKE_AWS = Hardness(requests_per_s=100, metadata_misses=5, deletion_errors=50, bare_steps=True, region="us-east-1")


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


class EveryNth:
    """Every n-th time that it is asked, the answer is yes; never for 0."""

    def __init__(self, n: int) -> None:
        self._n, self._asked = n, itertools.count(1)

    def __call__(self) -> bool:
        return next(self._asked) % self._n == 0 if self._n else False

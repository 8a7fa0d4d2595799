"""The reason why something is missing, in the place of the thing itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unavailable:
    """Something that is not there, which is no error here: whoever needs it skips what it cannot do and says why.

    `reason` is a clause that a person reads, without a capital letter or a full stop.
    """

    reason: str

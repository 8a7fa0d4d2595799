"""The one shape in which any stage says why an input is set aside."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reject:
    """Why an object is no image of the run, or why an image has no vector; `reason` is one of REJECT_REASONS."""

    reason: str
    detail: str | None = None

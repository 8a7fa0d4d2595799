"""The reasons of rejects: why an object of the source has no features."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reason:
    """One reason; one that does not count is no image at all, and is in neither side of the reject share.

    One that is `tried_again` may lie with the machine, so no later run takes it as an answer.
    """

    name: str
    help: str
    counts: bool = True
    tried_again: bool = False


REASONS = (
    Reason(
        "ignored_object",
        "The object is no image and does not claim to be one, or lies in a hidden or system folder: `.DS_Store`, a "
        "folder marker, a text.",
        counts=False,
    ),
    Reason("excluded", "The labels file says that this object is to be left out.", counts=False),
    Reason("empty_object", "The object has no bytes."),
    Reason("not_an_image", "The object has an image's extension and other content."),
    Reason("object_too_large", "The object is larger than 64 MiB."),
    Reason("object_vanished", "The object was listed, and was gone when it was fetched."),
    Reason("object_archived", "The object lies in an archive of S3, such as Glacier. Restore it, and run again."),
    Reason("object_refused", "The store does not hand out this object: it, its key in KMS or its name is refused."),
    Reason("unsupported_format", "The object is an image in a format that is not read: HEIC, JPEG XL, camera raw."),
    Reason("decode_failed", "The image is truncated or damaged."),
    Reason(
        "too_many_pixels",
        "The image has more than 50 megapixels (JPEG of one sequential scan: 200; WebP and AVIF: 25; JPEG 2000: 20), "
        "or a side of more than 65,535 pixels.",
    ),
    Reason("too_many_scans", "The image is a JPEG of more than 100 scans."),
    Reason("too_slow", "The image takes over a minute to decode, or it is a BMP of runs with more than 16 MiB."),
    Reason(
        "out_of_memory",
        "Decoding the image asked for more memory than there was. Each later run tries it again.",
        tried_again=True,
    ),
    Reason("killed_the_decoder", "The image ended the process that decoded it, and again when it was tried alone."),
)
NOT_COUNTED = frozenset(reason.name for reason in REASONS if not reason.counts)
TRIED_AGAIN = frozenset(reason.name for reason in REASONS if reason.tried_again)


def rejects_of(snapshot: Mapping[str, Any]) -> Counter[str]:
    """Return how many rejects of each reason a snapshot's document counts, over all stages.

    >>> rejects_of({"counts": {"ingest_images": {"rejects": {"not_an_image": 2}}, "reduce_features": {}}})
    Counter({'not_an_image': 2})
    """
    found: Counter[str] = Counter()
    for counts in (snapshot.get("counts") or {}).values():
        found.update(counts.get("rejects") or {})
    return found

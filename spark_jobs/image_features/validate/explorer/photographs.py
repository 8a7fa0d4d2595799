"""What the explorer's page knows of each photograph, as one JSON document that fits a limit. Pure."""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from image_features.errors import Unavailable
from image_features.validate.evidence.evidence import Sample
from image_features.validate.explorer.maps import Map

# A place on the other maps and in the neighbors, and the longest numbers of the other columns.
_BYTES_OF_COLUMNS = 110


@dataclass(frozen=True)
class Shown:
    """The photographs on the maps, in the order of the sample. `groups` is null where nothing is known of groups.

    `looks` is the table of the sample's looks, `notes` what is doubtful of a photograph by its place, `is_new` says
    what the last snapshot did not have, `images` how many images the run has.
    """

    sample: Sample
    looks: pa.Table
    maps: Sequence[Map]
    nearest: NDArray[np.uint16]
    groups: NDArray[np.int64] | None
    notes: Mapping[int, str]
    is_new: NDArray[np.bool_] | Unavailable
    images: int


def how_many_fit(sample: Sample, looks: pa.Table, most_bytes: int) -> int:
    """Return how many photographs from the first on can be shown in so many bytes."""
    uris = np.array([len(uri.encode()) for uri in sample.uris], np.int64)
    thumbnails = np.array([len(thumbnail or b"") for thumbnail in looks["thumbnail"].to_pylist()], np.int64)
    return int(np.searchsorted(np.cumsum(uris + (thumbnails + 2) // 3 * 4 + _BYTES_OF_COLUMNS), most_bytes, "right"))


def photographs_document(shown: Shown, visible: Mapping[int, int]) -> dict[str, Any]:
    """Return the columns of the page's document; `visible` translates characters that must not be shown as they are."""
    sample, looks = shown.sample, shown.looks
    labels = _by_count(sample.labels)
    number_of = {label: number for number, label in enumerate(labels)}
    splits = _by_count(sample.splits)
    shared = shared_folder(list(sample.uris))
    return {
        "count": len(sample.uris),
        "images": shown.images,
        "labels": ["no label" if label is None else label.translate(visible) for label in labels],
        "label": [number_of[label] for label in sample.labels],
        "splits": ["no split" if split is None else split for split in splits],
        "split": [splits.index(split) for split in sample.splits],
        "folder": shared.translate(visible),
        "paths": [uri[len(shared) :].lstrip("/").translate(visible) for uri in sample.uris],
        "widths": looks["width_px"].to_pylist(),
        "heights": looks["height_px"].to_pylist(),
        "thumbnails": [base64.b64encode(content or b"").decode() for content in looks["thumbnail"].to_pylist()],
        "maps": [
            {"name": drawn.name, "about": drawn.about, "places": drawn.places.ravel().tolist()} for drawn in shown.maps
        ],
        "nearest": base64.b64encode(shown.nearest.astype("<u2").tobytes()).decode(),
        "each": shown.nearest.shape[1],
        "groups": None if shown.groups is None else _groups(shown.groups),
        "notes": {str(place): note.translate(visible) for place, note in shown.notes.items()},
        "new": None if isinstance(shown.is_new, Unavailable) else np.flatnonzero(shown.is_new).tolist(),
        "whyNoNew": shown.is_new.reason if isinstance(shown.is_new, Unavailable) else "",
    }


def shared_folder(uris: Sequence[str]) -> str:
    """Return the folder that all these URIs have in common, without a slash at its end.

    >>> shared_folder(["s3://b/in/Fig/1.jpg", "s3://b/in/Figs/2.jpg"])
    's3://b/in'
    """
    first, last = min(uris), max(uris)
    length = next((place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)
    return first[:length].rpartition("/")[0]


def _by_count(names: NDArray[np.object_]) -> list[str | None]:
    """Return the names, the commonest first, null for none."""
    counts = Counter(names.tolist())
    return sorted(counts, key=lambda name: (-counts[name], name or ""))


def _groups(groups: NDArray[np.int64]) -> list[int]:
    """Return a number for each photograph's group, -1 for one that is alone among those that are shown."""
    _, numbers, counts = np.unique(groups, return_inverse=True, return_counts=True)
    found: list[int] = np.where(counts[numbers] > 1, numbers, -1).tolist()
    return found

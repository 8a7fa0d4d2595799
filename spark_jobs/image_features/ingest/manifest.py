"""Pure: one row for every listed object, with what its place among the folders says of it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from image_features.storage.objects import ListedObject

SPLITS = ("Training", "Test", "Validation")


@dataclass(frozen=True)
class FetchRow:
    """What fetching needs of a manifest's row."""

    image_id: str
    uri: str
    label: str | None
    split: str | None
    size_bytes: int
    etag: str


@dataclass(frozen=True)
class ManifestRow(FetchRow):
    """A row of the dataset `manifest`, field for column."""

    modified_at: datetime


def manifest_row(listed: ListedObject, source_uri: str) -> ManifestRow:
    label, split = label_and_split(listed.uri, source_uri)
    return ManifestRow(
        image_id(listed.uri), listed.uri, label, split, listed.size_bytes, listed.etag, listed.modified_at
    )


def image_id(uri: str) -> str:
    """First 32 hex digits of the URI's SHA-256: the same object has the same id in every run."""
    return hashlib.sha256(uri.encode()).hexdigest()[:32]


def label_and_split(uri: str, source_uri: str) -> tuple[str | None, str | None]:
    """The parent folder, and the outermost folder named as a split; folders above the source do not count."""
    folders = uri.removeprefix(source_uri.rstrip("/") + "/").split("/")[:-1]
    split = next((folder for folder in folders if folder in SPLITS), None)
    parent = folders[-1] if folders else ""
    return (parent if parent and parent not in SPLITS else None), split

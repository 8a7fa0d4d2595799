"""The manifest: one row for every listed object, with the label and split that its folders give it. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from image_features.storage.objects import ListedObject

SPLITS = ("Training", "Test", "Validation")


@dataclass(frozen=True)
class FetchRow:
    """The part of a manifest's row that fetching needs."""

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
    """Return the first 32 hex digits of the URI's SHA-256: the same object has the same id in every run.

    >>> image_id("s3://photos/Apple/1.jpg")
    'd8199b244d6733387d39ddbfd8178268'
    """
    return hashlib.sha256(uri.encode()).hexdigest()[:32]


def label_and_split(uri: str, source_uri: str) -> tuple[str | None, str | None]:
    """Return the parent folder, and the outermost folder that is named as a split.

    Folders above the source do not count.

    >>> label_and_split("s3://photos/Test/Apple/1.jpg", "s3://photos")
    ('Apple', 'Test')
    """
    folders = uri.removeprefix(source_uri.rstrip("/") + "/").split("/")[:-1]
    split = next((folder for folder in folders if folder in SPLITS), None)
    parent = folders[-1] if folders else ""
    return (parent if parent and parent not in SPLITS else None), split

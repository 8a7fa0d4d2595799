"""The manifest: one row for every listed object, with its label, split and group. Pure."""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from image_features.images.formats import reject_by_listing
from image_features.images.limits import MAX_OBJECT_BYTES
from image_features.rejects import Reject
from image_features.storage.objects import ListedObject
from run_contract.labels import IGNORED_FOLDER, Facts


class ManifestRow(NamedTuple):
    """A row of the dataset `manifest`, field for column."""

    image_id: str
    uri: str
    label: str | None
    split: str | None
    size_bytes: int
    etag: str
    modified_at: datetime
    group: str | None = None


def manifest_row(listed: ListedObject, facts: Facts) -> ManifestRow:
    known = listed.size_bytes, listed.etag, listed.modified_at
    return ManifestRow(image_id(listed.uri), listed.uri, facts.label, facts.split, *known, facts.group)


def image_id(uri: str) -> str:
    """Return the first 32 hex digits of the URI's SHA-256: the same object has the same id in every run.

    >>> image_id("s3://photos/Apple/1.jpg")
    'd8199b244d6733387d39ddbfd8178268'
    """
    return hashlib.sha256(uri.encode()).hexdigest()[:32]


def reject_unread(uri: str, source_uri: str, size_bytes: int) -> Reject | None:
    """Return why an object need not be fetched, or None.

    >>> reject_unread("s3://photos/Apple/.ipynb_checkpoints/1.jpg", "s3://photos", 9)
    Reject(reason='ignored_object', detail='in the folder .ipynb_checkpoints')
    """
    ignored = re.search(IGNORED_FOLDER, path_under(source_uri, uri))
    if ignored:
        return Reject("ignored_object", f"in the folder {ignored[1]}")
    return reject_by_listing(uri, size_bytes, MAX_OBJECT_BYTES)


def path_under(source_uri: str, uri: str) -> str:
    """Return the part of an object's URI that follows the source's URI and a slash."""
    return uri.removeprefix(source_uri.rstrip("/") + "/")


def labels_that_look_alike(labels: Iterable[str]) -> list[list[str]]:
    """Return the groups of labels that Unicode writes in two ways, as systems write the same name of a folder.

    >>> [len(group) for group in labels_that_look_alike(["Pe\\u0302che", "P\\u00eache", "Fig"])]
    [2]
    """
    spellings = defaultdict(list)
    for label in sorted(labels):
        spellings[unicodedata.normalize("NFC", label)].append(label)
    return [group for group in spellings.values() if len(group) > 1]

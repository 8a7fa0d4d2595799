"""The published snapshots that a stage compares its run with, and whether vectors of both may be mixed."""

from collections.abc import Mapping
from typing import Any

from image_features.errors import DamagedDocumentError, Unavailable
from image_features.storage import objects

Snapshot = Mapping[str, Any]

NOTHING_PUBLISHED = Unavailable("nothing is published yet to compare with")
NONE_BEFORE = Unavailable("the published run is this run, and none was published before it")


def newest_other(published_uri: str, features_uri: str) -> Snapshot | Unavailable:
    """Return the newest snapshot whose features are not those at `features_uri`.

    `published_uri` is the URI of the pointer to the newest snapshot; the older ones lie next to it under their names. A
    document of schema_version 1 has fewer keys: what it does not have is not known. Raises DamagedDocumentError.
    """
    folder = published_uri.rpartition("/")[0]
    snapshot = _find_snapshot(published_uri)
    if snapshot is None:
        return NOTHING_PUBLISHED
    # A run that was published twice is its own predecessor.
    passed: set[str | None] = set()
    while snapshot["features_uri"] == features_uri:
        passed.add(snapshot.get("snapshot"))
        previous = snapshot.get("previous")
        if previous is None or previous in passed:
            return NONE_BEFORE
        snapshot = _find_snapshot(f"{folder}/{previous}.json")
        if snapshot is None:
            return Unavailable(
                f"the published run is this run, and the record of the one before it, {previous}, is gone"
            )
    return snapshot


def _find_snapshot(uri: str) -> Snapshot | None:
    snapshot: Snapshot | None = objects.find_json(uri)
    if snapshot is not None and not (isinstance(snapshot, Mapping) and "features_uri" in snapshot):
        raise DamagedDocumentError(uri, "it is no snapshot, for it has no features_uri")
    return snapshot


def name_of(snapshot: Snapshot) -> str:
    """Return the snapshot's name as texts mention it.

    >>> name_of({"snapshot": "20260102T030405Z-1a2b"})
    'snapshot 20260102T030405Z-1a2b'
    """
    return f"snapshot {snapshot.get('snapshot', 'without a name')}"


def read_identity(stats_prefix_uri: str) -> Mapping[str, Any] | None:
    """Return the identity of a run's vectors from the stats of featurize_images, or None if they do not say it."""
    stats = objects.find_json(f"{stats_prefix_uri}/featurize_images.json")
    identity: Mapping[str, Any] | None = stats and stats["details"].get("identity")
    return identity


def other_vectors(snapshot: Snapshot, identity: Mapping[str, Any] | None) -> str:
    """Return why vectors of `identity` must not be mixed with the snapshot's, or an empty text if they may be.

    >>> other_vectors({"snapshot": "a", "identity": {"backbone": "vgg16"}}, {"backbone": "resnet50"})
    'the vectors of snapshot a have another identity (backbone vgg16 there, resnet50 here)'
    """
    if identity is None:
        return "the stats of featurize_images do not say the identity of this run's vectors"
    published = snapshot.get("identity")
    if not published:
        return f"{name_of(snapshot)} does not say the identity of its vectors"
    differing = sorted(name for name in {*identity, *published} if identity.get(name) != published.get(name))
    if not differing:
        return ""
    pairs = [f"{name} {published.get(name)} there, {identity.get(name)} here" for name in differing]
    return f"the vectors of {name_of(snapshot)} have another identity ({', '.join(pairs)})"

"""The published snapshots, as far as a stage reads them: the newest one that is not the run's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_features.errors import ObjectNotFoundError
from image_features.storage import objects

Snapshot = Mapping[str, Any]

NOTHING_PUBLISHED = "nothing is published yet to compare with"
NONE_BEFORE = "the published run is this run, and none was published before it"


def newest_other(published_uri: str, features_uri: str) -> Snapshot | str:
    """The newest snapshot whose features are not those at `features_uri`, or why there is none.

    `published_uri` is that of the pointer to the newest one; the older ones lie beside it under their names. A document
    of schema_version 1 knows fewer keys: what it does not have is not known.
    """
    folder = published_uri.rpartition("/")[0]
    try:
        snapshot = objects.read_json(published_uri)
    except ObjectNotFoundError:
        return NOTHING_PUBLISHED
    # A run that was published twice is its own predecessor.
    passed: set[str] = set()
    while snapshot["features_uri"] == features_uri:
        passed.add(snapshot.get("snapshot"))
        previous = snapshot.get("previous")
        if previous is None or previous in passed:
            return NONE_BEFORE
        try:
            snapshot = objects.read_json(f"{folder}/{previous}.json")
        except ObjectNotFoundError:
            return f"the published run is this run, and of the one before it, {previous}, there is no record"
    return snapshot


def name_of(snapshot: Snapshot) -> str:
    return f"snapshot {snapshot.get('snapshot', 'without a name')}"


def read_identity(stats_prefix_uri: str) -> Mapping[str, Any] | None:
    """What a run's vectors are of, by the stats of featurize_images; None if they do not say."""
    try:
        stats = objects.read_json(f"{stats_prefix_uri}/featurize_images.json")
    except ObjectNotFoundError:
        return None
    return stats["details"].get("identity")


def other_vectors(snapshot: Snapshot, identity: Mapping[str, Any] | None) -> str:
    """Why vectors of `identity` and the snapshot's must not be mixed; empty if they may."""
    if identity is None:
        return "the stats of featurize_images do not say what this run's vectors are of"
    published = snapshot.get("identity")
    if not published:
        return f"{name_of(snapshot)} does not say what its vectors are of"
    differing = sorted(name for name in {*identity, *published} if identity.get(name) != published.get(name))
    if not differing:
        return ""
    pairs = [f"{name} {published.get(name)} there, {identity.get(name)} here" for name in differing]
    return f"the vectors of {name_of(snapshot)} are others ({', '.join(pairs)})"

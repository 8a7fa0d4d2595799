"""The removal of old runs, whose documents stay and say when, and of the photographs that runs packed."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.s3.objects import delete_keys, etags_under
from emr_pipeline.snapshots.retention import is_half_removed, layout_of, published_in_order, removable
from emr_pipeline.snapshots.store import Published, Snapshot
from run_contract.moments import text_of

logger = logging.getLogger(__name__)

DELETED_AT_ONCE = 1000


def remove_old_runs(published: Published, keep: int, own: RunLayout) -> list[str]:
    """Remove every run that is old enough, and return the snapshots whose runs were removed."""
    latest = published.latest()
    documents, removed = published.documents(), []
    strays = len(documents) - len(published_in_order(documents, latest))
    if strays > 0:
        logger.info("%d snapshots are not among those before the latest one: they and their runs stay", strays)
    for snapshot, layout in removable(documents, latest, keep, own):
        if _remove(published, str(snapshot["snapshot"]), layout, keep, own):
            removed.append(str(snapshot["snapshot"]))
    return removed


def remove_images(published: Published) -> int:
    """Remove `images/` of every run that is published, and return how many objects that were.

    They are a second copy of the photographs, and nothing reads it once a run's features are there.
    """
    count = 0
    for snapshot in published_in_order(published.documents(), published.latest()):
        layout = layout_of(snapshot, published.bucket)
        if layout is None or snapshot.get("removed_at"):
            continue
        keys = [f"runs/{layout.run}/images/{name}" for name in etags_under(published.s3, layout.uri("images"))]
        for start in range(0, len(keys), DELETED_AT_ONCE):
            delete_keys(published.s3, layout.bucket, keys[start : start + DELETED_AT_ONCE])
        count += len(keys)
    return count


def _remove(published: Published, snapshot: str, layout: RunLayout, keep: int, own: RunLayout) -> bool:
    """Mark the document, then delete the objects, so that nobody takes a run that is half removed for a whole one."""
    removed_at = text_of(datetime.now(UTC))
    if not is_half_removed(_mark(published, snapshot, removed_at=removed_at)):
        return False
    # The pointer may have been set to this snapshot just before it was marked, by a `publish` that was repeated.
    latest = published.latest()
    still = removable(published.documents(), latest, keep, own)
    if snapshot not in [str(found["snapshot"]) for found, _ in still]:
        logger.info("Snapshot %s is named again, so %s stays", snapshot, layout.run_uri)
        _mark(published, snapshot, removed_at=None)
        return False
    count = 0
    for keys in _batches(published.s3, layout):
        if not is_half_removed(published.document(snapshot) or {}):
            logger.info("Another task has removed %s", layout.run_uri)
            return False
        delete_keys(published.s3, layout.bucket, keys)
        count += len(keys)
    _mark(published, snapshot, removed_objects=count)
    logger.info("Removed the %d objects of %s, snapshot %s", count, layout.run_uri, snapshot)
    return True


def _mark(published: Published, snapshot: str, **marks: Any) -> Snapshot:
    """Add these marks to a snapshot's document, or take away those that are null; return the document."""

    def marked(document: Snapshot | None) -> Snapshot | None:
        if document is None or "removed_objects" in document:
            return None
        if document.get("removed_at") and marks.get("removed_at"):
            return None  # Marked before, by a task that was interrupted or is still at work: it is the same work.
        return {name: value for name, value in (document | marks).items() if value is not None or name not in marks}

    return published.update(snapshot, marked) or {}


def _batches(s3: Any, layout: RunLayout) -> Iterator[list[str]]:
    """Yield the statistics first and the audit last: in between the run is not whole, and can still be identified."""
    prefix = f"runs/{layout.run}/"
    audit = layout.validation_uri.removeprefix(f"{layout.run_uri}/")
    names = sorted(etags_under(s3, layout.run_uri), key=lambda name: (name == audit, not name.startswith("stats/")))
    for start in range(0, len(names), DELETED_AT_ONCE):
        yield [prefix + name for name in names[start : start + DELETED_AT_ONCE]]

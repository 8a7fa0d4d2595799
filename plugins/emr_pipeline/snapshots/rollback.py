"""The way back: readers are pointed at an earlier snapshot again, and its document says who did that, when and why."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emr_pipeline.errors import RollbackRefusedError, TakenBackError
from emr_pipeline.run.layout import snapshot_uri
from emr_pipeline.s3.listing import digest_of_inventory
from emr_pipeline.s3.objects import has_objects_under, head
from emr_pipeline.snapshots.retention import published_in_order
from emr_pipeline.snapshots.snapshot import inventory_of
from emr_pipeline.snapshots.store import Published, Snapshot
from run_contract.moments import text_of

logger = logging.getLogger(__name__)

# What every reader may rely on. A run without rejects, or without new images, writes nothing into their folders.
NEEDED = ("manifest", "features", "model", "pca_features", "pca_features_csv", "inventory", "report")
NAMED_AT_MOST = 10


@dataclass(frozen=True)
class Rollback:
    """What is asked for: to which snapshot, by whom, in which DAG run, and why."""

    snapshot: str
    dag_run_id: str
    at: datetime
    by: str | None = None
    why: str | None = None

    def entry(self, instead_of: str) -> dict[str, Any]:
        """Return what the snapshot's document says of it."""
        own = {"at": text_of(self.at), "by": self.by, "dag_run_id": self.dag_run_id, "why": self.why}
        return {"instead_of": instead_of, **own}


def roll_back(published: Published, asked: Rollback) -> Snapshot:
    """Point readers at the snapshot, and return its document; a second call with the same DAG run changes nothing.

    Raises RollbackRefusedError for a snapshot that is not there, is removed or is not whole, and where somebody else
    has moved the pointer meanwhile.
    """
    seen = published.latest()
    if seen is None:
        raise RollbackRefusedError(f"{published.uri} is not there: nothing is published, so there is no way back")
    if not _is_done(seen, asked):
        seen = _point(published, seen, _target(published, seen, asked.snapshot), asked)
    _keep(published, seen)
    return seen


def last_rollback(latest: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the last rollback to what readers see; an empty one if there was none."""
    last: Mapping[str, Any] = ((latest or {}).get("rollbacks") or [{}])[-1]
    return last


def rollback_text(latest: Mapping[str, Any]) -> str:
    """Return the last rollback to what readers see in words; an empty text if there was none.

    >>> rollback_text({"snapshot": "a", "rollbacks": [{"instead_of": "b", "at": "noon", "dag_run_id": "r"}]})
    'from snapshot b to a at noon by the run r'
    """
    last = last_rollback(latest)
    if not last:
        return ""
    who = f"{last['by']} in the run {last['dag_run_id']}" if last.get("by") else f"the run {last['dag_run_id']}"
    why = f": {last['why']}" if last.get("why") else ""
    return f"from snapshot {last['instead_of']} to {latest['snapshot']} at {last['at']} by {who}{why}"


def refuse_taken_back(current: Mapping[str, Any] | None, known: str, run_uri: str) -> None:
    """Raise TakenBackError if readers were taken back since the run began.

    `known` is the DAG run of the last rollback that the run knew when it began; it is empty where it knew none.
    """
    if current and last_rollback(current).get("dag_run_id", known) != known:
        raise TakenBackError(
            f"readers were taken back while this run went on, {rollback_text(current)}; publishing {run_uri} would "
            "undo that. It stays unpublished, and its vectors are kept. To publish these photographs all the same, "
            "trigger a new run"
        )


def taken_back_from(published: Published, latest: Mapping[str, Any] | None) -> list[Snapshot]:
    """Return the snapshots from which readers were taken back to what they see now, the last one first."""
    found: dict[str, Snapshot] = {}
    ahead = _instead_of(latest or {})
    while ahead:
        name = ahead.pop()
        document = None if name in found or name == (latest or {}).get("snapshot") else published.document(name)
        if document is not None:
            found[name] = document
            ahead += _instead_of(document)
    return list(found.values())


def taken_back_text(published: Published, latest: Mapping[str, Any] | None, source_uri: str, digest: str) -> str | None:
    """Return why no run may start by itself for a listing: readers were taken back from its snapshot; null if not."""
    for snapshot in taken_back_from(published, latest):
        inventory_uri = inventory_of(snapshot, source_uri)
        if inventory_uri and digest_of_inventory(published.s3, inventory_uri) == digest:
            return (
                f"{source_uri} holds the photographs of snapshot {snapshot['snapshot']}, and readers were taken "
                f"back {rollback_text(latest or {})}; change the photographs, or trigger fruit_features by hand"
            )
    return None


def _target(published: Published, seen: Snapshot, name: str) -> Snapshot:
    """Return the document of the snapshot to go back to; raise RollbackRefusedError if that cannot be."""
    uri, document = snapshot_uri(published.bucket, name), published.document(name)
    if document is None:
        raise RollbackRefusedError(f"{uri}: there is no snapshot of this name; {_others(published, seen)}")
    if seen["snapshot"] == name:
        raise RollbackRefusedError(f"readers see snapshot {name} already {_back(seen)}; {_others(published, seen)}")
    if document.get("removed_at"):
        raise RollbackRefusedError(
            f"snapshot {name} cannot be gone back to: its files were removed at {document['removed_at']}, for "
            f"FRUIT_FEATURES_KEEP_SNAPSHOTS newer ones are kept; {_others(published, seen)}"
        )
    if not published.is_whole(document):
        raise RollbackRefusedError(
            f"snapshot {name} cannot be gone back to: {document.get('run_uri')} does not hold the audit and the "
            f"statistics with which it was published; {_others(published, seen)}"
        )
    named = [str(document[f"{place}_uri"]) for place in NEEDED if document.get(f"{place}_uri")]
    missing = [named_uri for named_uri in named if not _lies_there(published, named_uri)]
    if missing:
        raise RollbackRefusedError(
            f"snapshot {name} cannot be gone back to: nothing lies at {', '.join(missing)}; put it back, or choose "
            f"another: {_others(published, seen)}"
        )
    return document


def _point(published: Published, seen: Snapshot, target: Snapshot, asked: Rollback) -> Snapshot:
    # It may have been published before snapshots had documents of their own.
    published.keep(seen)
    back = target | {"rollbacks": [*target.get("rollbacks", []), asked.entry(seen["snapshot"])]}

    def moved(current: Snapshot | None) -> Snapshot | None:
        if current is not None and _is_done(current, asked):
            # The answer to an earlier request was lost.
            return None
        if current != seen:
            now = f"snapshot {current['snapshot']} {_back(current)}" if current else "nothing"
            raise RollbackRefusedError(
                f"somebody else was first: readers saw snapshot {seen['snapshot']} when this rollback to "
                f"{asked.snapshot} began, and now see {now}; look at that one, and roll back again if you still want to"
            )
        return back

    found: Snapshot = published.point(moved)
    logger.info("%s now says snapshot %s, before %s", published.uri, found["snapshot"], seen["snapshot"])
    return found


def _keep(published: Published, pointer: Snapshot) -> None:
    """Make the snapshot's own document say what the pointer says; undo the rollback if its files are being removed.

    Whoever removes marks the document first and then looks at the pointer; this looks at the document after the
    pointer was moved, so one of the two notices the other.
    """
    marked: list[str] = []

    def confirmed(document: Snapshot | None) -> Snapshot | None:
        marked[:] = [document["removed_at"]] if document and document.get("removed_at") else []
        return None if marked or document == pointer else pointer

    published.update(pointer["snapshot"], confirmed)
    if marked:
        before = published.document(pointer["rollbacks"][-1]["instead_of"])
        published.point(lambda current: before if current == pointer else None)
        raise RollbackRefusedError(
            f"snapshot {pointer['snapshot']} cannot be gone back to: remove_old_runs has just begun to remove its "
            f"files; readers see snapshot {pointer['rollbacks'][-1]['instead_of']} as before"
        )


def _is_done(current: Snapshot, asked: Rollback) -> bool:
    """Return whether an earlier attempt of the same DAG run has moved the pointer."""
    return current["snapshot"] == asked.snapshot and last_rollback(current).get("dag_run_id") == asked.dag_run_id


def _lies_there(published: Published, uri: str) -> bool:
    return head(published.s3, uri) is not None or has_objects_under(published.s3, uri)


def _others(published: Published, seen: Snapshot) -> str:
    """Return which snapshots may be gone back to, newest first."""
    in_order = published_in_order(published.documents(), seen)
    names = [
        found["snapshot"] for found in in_order if not found.get("removed_at") and found["snapshot"] != seen["snapshot"]
    ]
    more = f" and {len(names) - NAMED_AT_MOST} older ones" if len(names) > NAMED_AT_MOST else ""
    return f"those that are kept are {', '.join(names[:NAMED_AT_MOST])}{more}" if names else "no other one is kept"


def _back(snapshot: Mapping[str, Any]) -> str:
    """Return in brackets how readers came there: by a rollback, or by the run that published it."""
    text = rollback_text(snapshot)
    return f"(taken back {text})" if text else f"(published by the run {snapshot.get('run')})"


def _instead_of(snapshot: Mapping[str, Any]) -> list[str]:
    return [str(rollback["instead_of"]) for rollback in snapshot.get("rollbacks", [])]

"""Takes the pointer back from a run whose files are about to be rewritten: readers never follow it to those."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.s3.objects import read_json
from emr_pipeline.snapshots.snapshot import snapshot_id
from emr_pipeline.snapshots.store import ATTEMPTS, OvertakenError, Published, Snapshot


def retract(published: Published, layout: RunLayout) -> str | None:
    """Before anything of this run is rewritten: mark its snapshot, then point latest.json elsewhere if it names it.

    Returns what was done, null if nothing. `publish` takes the mark away if the run comes to the same result.
    """
    _mark(published, layout)
    return _take_back(published, layout.run_uri)


def _mark(published: Published, layout: RunLayout) -> None:
    """The snapshot may be an earlier one, too, that is kept and that no pointer names."""
    validation = read_json(published.s3, layout.validation_uri)
    if validation is None:
        return
    snapshot, _ = published.document(snapshot_id(layout.run_uri, validation))
    if snapshot is None or "retracted_at" in snapshot:
        return
    marked = {**snapshot, "retracted_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    if snapshot.get("removed_at"):
        # Its removal was broken off; what is made here now is not for a later one to finish.
        marked.setdefault("removed_objects", None)
    published.keep(marked)


def _take_back(published: Published, run_uri: str) -> str | None:
    """Point latest.json at the newest earlier snapshot that is whole, or delete it, by one conditional write."""
    given_up = {run_uri}
    told = None
    for _ in range(ATTEMPTS):
        current, etag = published.latest()
        if current is None or etag is None or current.get("run_uri") not in given_up:
            return told
        earlier = _newest_whole(published, current, given_up)
        if not (published.point_at(earlier, etag) if earlier else published.point_at_nothing(etag)):
            continue
        told = _told(published, current, earlier)
        if earlier is None or not _is_being_removed(published, earlier):
            return told
        # remove_old_runs marked it between our look and our write.
        given_up.add(earlier["run_uri"])
    raise OvertakenError(published.uri)


def _newest_whole(published: Published, current: Mapping[str, Any], given_up: set[str]) -> Snapshot | None:
    """Along `previous`, which may lead in a circle where a run was published again."""
    seen = {current["snapshot"]}
    name = current.get("previous")
    while name is not None and name not in seen:
        seen.add(name)
        snapshot, _ = published.document(name)
        if snapshot is None:
            # Published before snapshots had documents of their own.
            return None
        if snapshot.get("run_uri") not in given_up and published.is_whole(snapshot):
            return snapshot
        name = snapshot.get("previous")
    return None


def _is_being_removed(published: Published, snapshot: Mapping[str, Any]) -> bool:
    document, _ = published.document(snapshot["snapshot"])
    return document is None or bool(document.get("removed_at"))


def _told(published: Published, current: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> str:
    taken = f"{published.uri}: snapshot {current['snapshot']} of {current['run_uri']} is taken back"
    if earlier is None:
        return f"{taken}; no earlier one is whole, so nothing is published until this run is"
    return f"{taken}; readers see {earlier['snapshot']} of {earlier['run_uri']} until this run is published again"

"""The rule that decides which runs are old enough to be removed; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from emr_pipeline.run.layout import RunLayout

Snapshot = Mapping[str, Any]


def published_in_order(snapshots: Iterable[Snapshot], latest: Snapshot | None) -> list[Snapshot]:
    """Return the latest snapshot, the one that it names as `previous`, the one before that, and so on.

    Behind a snapshot to which readers were taken back come first those from which they were taken. No date is looked
    at: the clock of a machine that publishes may be a year ahead.

    >>> runs = [{"snapshot": "b", "previous": "a"}, {"snapshot": "a", "previous": None}, {"snapshot": "x"}]
    >>> [snapshot["snapshot"] for snapshot in published_in_order(runs, runs[0])]
    ['b', 'a']
    >>> back = {"snapshot": "a", "previous": None, "rollbacks": [{"instead_of": "b"}]}
    >>> [snapshot["snapshot"] for snapshot in published_in_order([runs[0], back], back)]
    ['a', 'b']
    """
    documents = {str(snapshot["snapshot"]): snapshot for snapshot in snapshots}
    if latest:
        documents.setdefault(str(latest["snapshot"]), latest)
    found: dict[str, Snapshot] = {}
    ahead = [str(latest["snapshot"])] if latest else []
    while ahead:
        name = ahead.pop()
        # A snapshot that was published a second time, or gone back to, closes a circle.
        if name in documents and name not in found:
            found[name] = documents[name]
            ahead.append(str(found[name].get("previous")))
            ahead.extend(str(rollback.get("instead_of")) for rollback in found[name].get("rollbacks", []))
    return list(found.values())


def removable(
    snapshots: Iterable[Snapshot], latest: Snapshot | None, keep: int, own: RunLayout
) -> list[tuple[Snapshot, RunLayout]]:
    """Return the snapshots whose runs may be removed, oldest first, each with the folder to remove.

    Those are the ones that `keep` others have followed. Everything else stays: the newest ones, what does not belong
    to their chain, every folder that one of these names, whichever run it belongs to, and the run that is being made
    (`own`). A snapshot whose removal was interrupted is returned again.

    >>> runs = [{"snapshot": f"{n}", "run_uri": f"s3://b/runs/{n}", "previous": f"{n - 1}"} for n in range(3)]
    >>> [snapshot["snapshot"] for snapshot, _ in removable(runs, runs[-1], 2, RunLayout("b", "new"))]
    ['0']
    """
    every = list(snapshots)
    in_order = [snapshot for snapshot in published_in_order(every, latest) if not snapshot.get("removed_at")]
    old = in_order[keep:][::-1]
    kept = [snapshot for snapshot in every if not snapshot.get("removed_at") and snapshot not in old]
    named = {uri for snapshot in (*kept, latest or {}) for uri in uris(snapshot)} | {own.run_uri}
    candidates = [*(snapshot for snapshot in every if is_half_removed(snapshot)), *old]
    found = [(snapshot, layout_of(snapshot, own.bucket)) for snapshot in candidates]
    return [(snapshot, layout) for snapshot, layout in found if layout and not _is_named(layout.run_uri, named)]


def is_half_removed(snapshot: Snapshot) -> bool:
    """Return whether the removal of a snapshot's run was begun and is not known to be finished.

    >>> is_half_removed({"removed_at": "2026-11-20T12:00:00Z"})
    True
    >>> is_half_removed({"removed_at": "2026-11-20T12:00:00Z", "removed_objects": 12})
    False
    """
    return bool(snapshot.get("removed_at")) and "removed_objects" not in snapshot


def uris(value: Any, name: str = "") -> set[str]:
    """Return every `..._uri` in a document, at any depth.

    >>> sorted(uris({"run_uri": "s3://b/runs/r", "model": {"fitted_uri": "s3://b/runs/q/model"}, "run": "r"}))
    ['s3://b/runs/q/model', 's3://b/runs/r']
    """
    if isinstance(value, Mapping):
        return {uri for key, inner in value.items() for uri in uris(inner, str(key))}
    if isinstance(value, list):
        return {uri for inner in value for uri in uris(inner, name)}
    return {value} if isinstance(value, str) and name.endswith("_uri") else set()


def layout_of(snapshot: Snapshot, bucket: str) -> RunLayout | None:
    """Return the folder of a snapshot's run; null if it is not under this bucket's runs/, so not ours to remove."""
    layout = RunLayout.of_uri(str(snapshot.get("run_uri")))
    return layout if layout and layout.bucket == bucket else None


def _is_named(run_uri: str, named: set[str]) -> bool:
    return any(uri == run_uri or uri.startswith(f"{run_uri}/") for uri in named)

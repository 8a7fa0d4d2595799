"""Which runs are old enough to be removed; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from emr_pipeline.run.layout import RunLayout

Snapshot = Mapping[str, Any]


def removable(
    snapshots: Iterable[Snapshot], latest: Snapshot | None, keep: int, own: RunLayout
) -> list[tuple[Snapshot, RunLayout]]:
    """The snapshots whose runs nobody is promised any more, oldest first, each with the folder to remove.

    Kept are the newest `keep` and the latest one, and every folder that one of these names, whosever run it is; the
    run being made (`own`); and a run that was taken back, for that is being made again. A removal that was broken off
    is there again.
    """
    every = list(snapshots)
    listed = [snapshot for snapshot in every if not snapshot.get("removed_at") and not snapshot.get("retracted_at")]
    listed.sort(key=_age, reverse=True)
    kept = [*listed[:keep], *([latest] if latest else [])]
    named = {uri for snapshot in kept for uri in uris(snapshot)} | {own.run_uri}
    old = [*listed[keep:], *(snapshot for snapshot in every if is_half_removed(snapshot))]
    found = [(snapshot, _layout(snapshot, own.bucket)) for snapshot in sorted(old, key=_age)]
    return [(snapshot, layout) for snapshot, layout in found if layout and not _is_named(layout.run_uri, named)]


def is_half_removed(snapshot: Snapshot) -> bool:
    """Marked, and what was marked is not known to be gone."""
    return bool(snapshot.get("removed_at")) and "removed_objects" not in snapshot


def uris(value: Any, name: str = "") -> set[str]:
    """Every `..._uri` in a document, at any depth."""
    if isinstance(value, Mapping):
        return {uri for key, inner in value.items() for uri in uris(inner, str(key))}
    if isinstance(value, list):
        return {uri for inner in value for uri in uris(inner, name)}
    return {value} if isinstance(value, str) and name.endswith("_uri") else set()


def _age(snapshot: Snapshot) -> tuple[str, str]:
    return str(snapshot.get("published_at", "")), str(snapshot["snapshot"])


def _layout(snapshot: Snapshot, bucket: str) -> RunLayout | None:
    """Null for what does not lie under this bucket's runs/: that is not ours to remove."""
    layout = RunLayout.of_uri(str(snapshot.get("run_uri")))
    return layout if layout and layout.bucket == bucket else None


def _is_named(run_uri: str, named: set[str]) -> bool:
    return any(uri == run_uri or uri.startswith(f"{run_uri}/") for uri in named)

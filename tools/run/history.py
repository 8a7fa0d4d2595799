"""`make history`: every snapshot that was published on this machine, what readers see now first.

python -m tools.run.history [--json]
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emr_pipeline.s3.inventory import compare, read_entries
from emr_pipeline.snapshots.retention import Snapshot, published_in_order
from tools.local.home import LocalHome
from tools.run.documents import read_json

COLUMNS = {
    "snapshot": "snapshot",
    "published_at": "published at",
    "run": "run",
    "images": "images",
    "changes": "new/changed/gone",
    "vectors": "computed/reused",
    "model": "model",
    "explained_variance": "variance",
    "linear_probe_accuracy": "probe",
    "forecast": "foreseen",
    "dollars": "dollars",
    "previous": "previous",
    "state": "state",
    "why": "why",
}
NUMBERS = {"images", "changes", "vectors", "forecast", "dollars", "explained_variance", "linear_probe_accuracy"}
WHY_LENGTH = 60


def history(bucket_path: Path) -> list[Snapshot]:
    """Return one entry a snapshot; what a document does not say, and what is gone with its run, is null.

    They are in the order of publishing, the current one first, whatever clocks said; those of no known place are last.
    """
    folder = bucket_path / "published"
    latest = read_json(folder / "latest.json")
    read = {path.stem: found for path in folder.glob("*.json") if (found := read_json(path))}
    # Another document, or a copy under another name, is no snapshot.
    documents = {
        str(found["snapshot"]): found
        for name, found in read.items()
        if found.get("snapshot") == name or name == "latest"
    }
    in_order = {str(found["snapshot"]): found for found in published_in_order(documents.values(), latest)}
    return [_entry(found, documents, latest, bucket_path) for found in (in_order | documents).values()]


def lines(entries: Sequence[Snapshot]) -> Iterator[str]:
    """Return the snapshots as a table for a person."""
    rows = [{name: _text(name, entry[name]) for name in COLUMNS} for entry in entries]
    widths = {name: max(len(title), *(len(row[name]) for row in rows)) for name, title in COLUMNS.items()}
    for row in [COLUMNS, *rows]:
        cells = [
            f"{row[name]:>{width}}" if name in NUMBERS else f"{row[name]:<{width}}" for name, width in widths.items()
        ]
        yield "  ".join(cells).rstrip()


def _entry(
    document: Snapshot, documents: Mapping[str, Snapshot], latest: Snapshot | None, bucket_path: Path
) -> Snapshot:
    summary, model = document.get("summary") or {}, document.get("model") or {}
    is_current = latest is not None and document["snapshot"] == latest["snapshot"]
    left = "removed" if document.get("removed_at") else "taken back" if document.get("retracted_at") else "kept"
    names = ("snapshot", "published_at", "run", "vectors", "forecast", "previous", "removed_at", "rollbacks")
    rollbacks = (latest or {}).get("rollbacks")
    current = f"current, instead of {rollbacks[-1]['instead_of']}" if rollbacks else "current"
    measured = ("images", "explained_variance", "linear_probe_accuracy")
    return {name: document.get(name) for name in names} | {name: summary.get(name) for name in measured} | {
        "changes": _changes(document, documents.get(str(document.get("previous"))), bucket_path),
        "dollars": _dollars(document, bucket_path),
        "model": model.get("action"),
        "why": model.get("why"),
        "state": current if is_current else left,
    }  # fmt: skip


def _changes(document: Snapshot, previous: Snapshot | None, bucket_path: Path) -> dict[str, int] | None:
    """Of the two runs' frozen listings; null where one is not there, or is of another source."""
    if previous is None or document.get("source_uri") != previous.get("source_uri"):
        return None
    prefix = f"s3://{bucket_path.name}/"
    paths = [bucket_path / found.get("inventory_uri", "-").removeprefix(prefix) for found in (document, previous)]
    if not all(path.is_file() for path in paths):
        return None
    with paths[0].open("rb") as now, paths[1].open("rb") as before:
        changes = compare(read_entries(now), read_entries(before))
    return {"new": changes.new, "changed": changes.changed, "gone": changes.gone}


def _dollars(document: Snapshot, bucket_path: Path) -> float | None:
    """Return what the clusters of the snapshot's own DAG run cost; null if nobody recorded it."""
    found = (read_json(bucket_path / "costs" / f"{document.get('run')}.json") or {}).get("clusters", [])
    own = [entry["dollars"] for entry in found if entry["dag_run_id"] == document.get("dag_run_id")]
    return sum(own) if own else None


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "changes":
        return f"{value['new']:,}/{value['changed']:,}/{value['gone']:,}"
    if name == "vectors":
        return f"{value.get('computed', 0):,}/{value.get('reused', 0):,}"
    if name == "why" and len(value) > WHY_LENGTH:
        return f"{value[: WHY_LENGTH - 1]}\u2026"
    if name in ("forecast", "dollars"):
        return f"{value['dollars'] if name == 'forecast' else value:.2f}"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="make history", description=__doc__)
    parser.add_argument("--json", action="store_true", help="as JSON, with the whole reasons")
    as_json = parser.parse_args(arguments).json
    entries = history(LocalHome.from_environment().bucket_path)
    if as_json:
        print(json.dumps(entries, indent=2))
    elif entries:
        print("\n".join(lines(entries)))
    else:
        print("nothing is published yet: make run")


if __name__ == "__main__":
    main(sys.argv[1:])

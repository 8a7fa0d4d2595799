"""`make history`: every snapshot that was published on this machine, newest first.

python -m tools.run.history [--json]
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emr_pipeline.s3.inventory import compare, read_entries
from tools.local.home import LocalHome

Snapshot = dict[str, Any]
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
    "previous": "previous",
    "state": "state",
    "why": "why",
}
NUMBERS = {"images", "changes", "vectors", "explained_variance", "linear_probe_accuracy"}
WHY_LENGTH = 60


def history(bucket_path: Path) -> list[Snapshot]:
    """One entry a snapshot, newest first; what a document does not say, and what is gone with its run, is null."""
    folder = bucket_path / "published"
    latest = _read(folder / "latest.json")
    documents = {str(found["snapshot"]): found for path in folder.glob("*.json") if (found := _read(path))}
    ordered = sorted(documents.values(), key=lambda found: str(found.get("published_at", "")), reverse=True)
    return [_entry(found, documents, latest, bucket_path) for found in ordered]


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
    previous = documents.get(str(document.get("previous")))
    return {
        "snapshot": document["snapshot"],
        "published_at": document.get("published_at"),
        "run": document.get("run"),
        "images": summary.get("images"),
        "changes": _changes(document, previous, bucket_path),
        "vectors": document.get("vectors"),
        "model": model.get("action"),
        "why": model.get("why"),
        "explained_variance": summary.get("explained_variance"),
        "linear_probe_accuracy": summary.get("linear_probe_accuracy"),
        "previous": document.get("previous"),
        "state": _state(document, latest),
        "removed_at": document.get("removed_at"),
    }


def _state(document: Snapshot, latest: Snapshot | None) -> str:
    if latest is not None and document["snapshot"] == latest["snapshot"]:
        return "current"
    if document.get("removed_at"):
        return "removed"
    return "taken back" if document.get("retracted_at") else "kept"


def _changes(document: Snapshot, previous: Snapshot | None, bucket_path: Path) -> dict[str, int] | None:
    """Of the two runs' frozen listings; null where one is not there, or is of another source."""
    if previous is None or document.get("source_uri") != previous.get("source_uri"):
        return None
    paths = [_inventory_path(found, bucket_path) for found in (document, previous)]
    if not all(path.is_file() for path in paths):
        return None
    with paths[0].open("rb") as now, paths[1].open("rb") as before:
        changes = compare(read_entries(now), read_entries(before))
    return {"new": changes.new, "changed": changes.changed, "gone": changes.gone}


def _inventory_path(document: Snapshot, bucket_path: Path) -> Path:
    return bucket_path / str(document.get("inventory_uri", "-")).removeprefix(f"s3://{bucket_path.name}/")


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "changes":
        return f"{value['new']:,}/{value['changed']:,}/{value['gone']:,}"
    if name == "vectors":
        return f"{value.get('computed', 0):,}/{value.get('reused', 0):,}"
    if name == "why" and len(value) > WHY_LENGTH:
        return f"{value[: WHY_LENGTH - 1]}\u2026"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _read(path: Path) -> Snapshot | None:
    try:
        read: Snapshot = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return read


def main(arguments: Sequence[str]) -> int:
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
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

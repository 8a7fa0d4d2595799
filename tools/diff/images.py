"""The images of two snapshots, as their PCA features list them: how many there are, and which differ."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tools.diff.changes import classified

COLUMNS = ("uri", "label", "split", "etag")


def image_changes(before: pa.Table, after: pa.Table) -> dict[str, Any]:
    """Return the numbers of images, those that differ by kind, and the labels whose number of images differs."""
    differing = _differing(before, after).to_pylist()
    counts = _by_label(before), _by_label(after)
    return {
        "a": before.num_rows,
        "b": after.num_rows,
        **classified(differing),
        "labels": {
            label: [counts[0].get(label, 0), counts[1].get(label, 0)]
            for label in sorted({*counts[0], *counts[1]})
            if counts[0].get(label) != counts[1].get(label)
        },
    }


def _differing(before: pa.Table, after: pa.Table) -> pa.Table:
    sides = []
    for table, side in ((before, "a"), (after, "b")):
        columns = {f"{name}_{side}": table[name] for name in ("label", "split", "etag")}
        there = pa.array([True] * table.num_rows, pa.bool_())
        sides.append(pa.table({"uri": table["uri"], **columns, f"in_{side}": there}))
    joined = sides[0].join(sides[1], "uri", join_type="full outer")
    same = pc.and_(pc.is_valid(joined["in_a"]), pc.is_valid(joined["in_b"]))
    for name in ("label", "split", "etag"):
        filled = [pc.fill_null(joined[f"{name}_{side}"], "") for side in ("a", "b")]
        same = pc.and_(same, pc.equal(*filled))
    return joined.filter(pc.invert(same))


def _by_label(table: pa.Table) -> dict[str, int]:
    counted = table["label"].value_counts().to_pylist()
    return {str(entry["values"] or ""): int(entry["counts"]) for entry in counted}

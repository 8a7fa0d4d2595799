"""The images that differ, by kind: which came, went, changed, were moved, or have another label now; pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

KINDS = ("added", "removed", "changed", "relabelled", "moved")


def classified(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return images that differ by kind; `label_a` and `etag_a` are those before, and null with `in_a`.

    The same bytes under another key are one image that was moved; if its folder names another label now, it was
    relabelled. Other bytes under the same key are an image that changed.

    >>> gone = {"uri": "u/pear/1", "in_a": True, "label_a": "pear", "etag_a": "e", "in_b": None}
    >>> come = {"uri": "u/apple/1", "in_a": None, "in_b": True, "label_b": "apple", "etag_b": "e"}
    >>> classified([gone, come])["relabelled"]
    [{'uri': 'u/apple/1', 'was': 'u/pear/1', 'label': ['pear', 'apple']}]
    """
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    gone, come = defaultdict(list), []
    for row in sorted(rows, key=lambda row: str(row["uri"])):
        if not row["in_b"]:
            gone[row["etag_a"]].append(row)
        elif not row["in_a"]:
            come.append(row)
        elif row["etag_a"] != row["etag_b"]:
            found["changed"].append(row["uri"])
        else:
            found["relabelled"].append(_pair(row, row))
    # Of several with the same bytes, those of the same label belong together.
    for kind in ("moved", "relabelled"):
        come = [row for row in come if not _is_paired(row, gone[row["etag_b"]], found[kind], kind == "moved")]
    found["added"] = [row["uri"] for row in come]
    found["removed"] = sorted(row["uri"] for left in gone.values() for row in left)
    return found


def _is_paired(
    row: Mapping[str, Any], gone: list[Mapping[str, Any]], pairs: list[dict[str, Any]], same_label: bool
) -> bool:
    """Take the first of the images that are gone for this one, and return whether there was one."""
    before = next((one for one in gone if not same_label or one["label_a"] == row["label_b"]), None)
    if before is None:
        return False
    gone.remove(before)
    pairs.append(_pair(before, row))
    return True


def _pair(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {"uri": after["uri"], "was": before["uri"], "label": [before["label_a"], after["label_b"]]}

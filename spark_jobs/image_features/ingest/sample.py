"""Pure: a sample that is the same every time and has something of every label."""

import heapq
from collections import defaultdict
from collections.abc import Iterable

from image_features.ingest.manifest import ManifestRow


def sample(rows: Iterable[ManifestRow], limit: int) -> list[ManifestRow]:
    """At most `limit` rows, in the order of their URIs.

    Labels take turns, each giving its rows in the order of image_id, which is as good as random and the same in
    every run. Holds at most `limit` rows of each label in memory, however many are listed.
    """
    smallest: dict[str | None, list[tuple[int, ManifestRow]]] = defaultdict(list)
    for row in rows:
        # heapq keeps its smallest on top; negated, the largest of those kept is the one to give way.
        entry = (-int(row.image_id, 16), row)
        kept = smallest[row.label]
        if len(kept) < limit:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)
    turns = [
        (turn, label or "", row)
        for label, kept in smallest.items()
        for turn, (_, row) in enumerate(sorted(kept, key=lambda entry: -entry[0]))
    ]
    chosen = sorted(turns, key=lambda taken: taken[:2])[:limit]
    return sorted((row for _, _, row in chosen), key=lambda row: row.uri)

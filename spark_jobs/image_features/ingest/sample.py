"""The sample of a listing: the same one every time, with images of every label. Pure."""

import heapq
from collections import defaultdict
from collections.abc import Iterable

from image_features.ingest.manifest import ManifestRow


def sample(rows: Iterable[ManifestRow], limit: int) -> list[ManifestRow]:
    """Return at most `limit` rows, in the order of their URIs.

    Labels take turns, each giving its rows in the order of image_id, which is as good as random and the same in
    every run. Holds at most `limit` rows of each label in memory, however many are listed.
    """
    smallest: dict[str | None, list[tuple[int, ManifestRow]]] = defaultdict(list)
    for row in rows:
        # heapq keeps its smallest on top. With negated ids, that is the largest of those kept, which is replaced.
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

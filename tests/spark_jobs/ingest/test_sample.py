"""The sample that --sample-limit takes."""

import random
from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from image_features.ingest.manifest import ManifestRow, image_id
from image_features.ingest.sample import sample


def _rows(labels: list[str | None]) -> list[ManifestRow]:
    modified_at = datetime(2026, 11, 20, tzinfo=UTC)
    uris = [f"s3://b/{label}/{number:04d}.jpg" for number, label in enumerate(labels)]
    return [
        ManifestRow(image_id(uri), uri, label, None, 1, "e", modified_at)
        for uri, label in zip(uris, labels, strict=True)
    ]


@given(st.lists(st.sampled_from(["Apple", "Fig", "Kiwi", None]), max_size=60), st.integers(1, 40))
def test_labels_give_as_equally_as_they_can(labels: list[str | None], limit: int) -> None:
    rows = _rows(labels)
    chosen = sample(rows, limit)
    assert len(chosen) == min(limit, len(rows))
    taken, there = Counter(row.label for row in chosen), Counter(labels)
    most = max(taken.values(), default=0)
    assert all(taken[label] >= min(there[label], most - 1) for label in there)


@given(st.lists(st.sampled_from(["Apple", "Fig", "Kiwi", None]), max_size=60), st.integers(1, 40))
def test_each_label_gives_its_smallest_image_ids(labels: list[str | None], limit: int) -> None:
    rows = _rows(labels)
    chosen = sample(rows, limit)
    for label in set(labels):
        ids = sorted(row.image_id for row in rows if row.label == label)
        mine = sorted(row.image_id for row in chosen if row.label == label)
        assert mine == ids[: len(mine)]


def test_the_order_of_the_listing_changes_nothing() -> None:
    rows = _rows(["Apple"] * 30 + ["Fig"] * 3 + [None] * 5)
    shuffled = random.Random(0).sample(rows, len(rows))
    assert sample(rows, 12) == sample(shuffled, 12) == sorted(sample(rows, 12), key=lambda row: row.uri)

"""How a listing is cut into packs."""

import itertools
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from image_features.ingest.manifest import ManifestRow
from image_features.ingest.packs import MAX_OBJECT_BYTES, MAX_PACK_BYTES, MAX_PACK_IMAGES, mixed, pack_limit, packs

SIZES = st.one_of(st.integers(0, 10_000), st.integers(MAX_PACK_BYTES // 4, 2 * MAX_PACK_BYTES))


def _rows(sizes: list[int]) -> list[ManifestRow]:
    modified_at = datetime(2026, 11, 20, tzinfo=UTC)
    return [ManifestRow(str(n), f"s3://b/{n:06d}", None, None, size, "e", modified_at) for n, size in enumerate(sizes)]


@given(st.lists(SIZES, max_size=200))
def test_packs_hold_every_row_once_in_order_and_within_both_bounds(sizes: list[int]) -> None:
    rows = _rows(sizes)
    made = list(packs(rows))
    assert [row for pack in made for row in pack] == rows
    for number, pack in enumerate(made):
        assert 1 <= len(pack) <= pack_limit(number)
        assert sum(row.size_bytes for row in pack if row.size_bytes <= MAX_OBJECT_BYTES) <= MAX_PACK_BYTES


@given(st.lists(SIZES, max_size=200))
def test_a_pack_is_closed_only_when_the_next_row_does_not_fit(sizes: list[int]) -> None:
    made = list(packs(_rows(sizes)))
    for number, (pack, following) in enumerate(itertools.pairwise(made)):
        kept = [row.size_bytes for row in [*pack, following[0]] if row.size_bytes <= MAX_OBJECT_BYTES]
        assert len(pack) == pack_limit(number) or sum(kept) > MAX_PACK_BYTES


def test_a_few_hundred_images_make_several_packs_and_a_million_not_too_many() -> None:
    assert [len(pack) for pack in packs(_rows([100] * 300))] == [32] * 8 + [44]
    assert pack_limit(10**6) == MAX_PACK_IMAGES
    assert sum(1 for _ in packs(_rows([100] * 90_000))) < 150


def test_packs_are_made_while_the_listing_is_still_running() -> None:
    def listing():  # type: ignore[no-untyped-def]
        yield from _rows([1] * 33)
        raise AssertionError("the second pack was listed before the first was handed on")

    assert len(next(packs(listing()))) == 32


def test_large_packs_are_fetched_first_and_workers_are_all_over_the_keys() -> None:
    numbers = [int(uri) for uri in mixed([str(number) for number in range(1000)])]

    assert sorted(numbers) == list(range(1000))
    limits = [pack_limit(number) for number in numbers]
    assert limits == sorted(limits, reverse=True)
    # Thirty-two workers at once are in most tenths of the keys, as long as all packs have one size.
    tenths = [len({number // 100 for number in numbers[start : start + 32]}) for start in range(900)]
    assert min(tenths) >= 7

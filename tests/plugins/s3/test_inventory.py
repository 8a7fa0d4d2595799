"""Two listings compared in one walk: what is counted, in which order keys stand, what memory it takes."""

import csv
import gzip
import io
import random
import tracemalloc
from collections.abc import Iterator

import pytest

from emr_pipeline.errors import InventoryError
from emr_pipeline.s3.inventory import Changes, Entry, compare, read_entries

# Keys in S3's order, that of their UTF-8 bytes: upper case before lower, the last two the other way round in UTF-16.
KEYS = ["landing/A.jpg", "landing/a b.jpg", "landing/a.jpg", "landing/a/1.jpg", "landing/é.jpg", "\uffee.jpg", "🍎.jpg"]


def entries(keys: list[str], etag: str = "e") -> list[Entry]:
    return [(key, 10, etag) for key in keys]


def counts(changes: Changes) -> tuple[int, int, int, int]:
    return changes.new, changes.changed, changes.gone, changes.objects


def packed(rows: list[list[str]]) -> io.BytesIO:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return io.BytesIO(gzip.compress(text.getvalue().encode()))


def test_the_keys_of_these_tests_are_in_s3s_order() -> None:
    assert [key.encode() for key in KEYS] == sorted(key.encode() for key in KEYS)
    assert sorted(KEYS, key=lambda key: key.encode("utf-16-be")) != KEYS


@pytest.mark.parametrize(
    ("listed", "published", "expected"),
    [
        ([], [], (0, 0, 0, 0)),
        (entries(KEYS), entries(KEYS), (0, 0, 0, 7)),
        (entries(KEYS), [], (7, 0, 0, 7)),
        ([], entries(KEYS), (0, 0, 7, 0)),
        (entries(KEYS), entries(KEYS[1:]), (1, 0, 0, 7)),
        (entries(KEYS), entries(KEYS[:-1]), (1, 0, 0, 7)),
        (entries(KEYS[:-3]), entries(KEYS), (0, 0, 3, 4)),
        (entries(KEYS[2:]), entries(KEYS), (0, 0, 2, 5)),
        (entries(KEYS, "f"), entries(KEYS), (0, 7, 0, 7)),
        ([("a", 1, "e")], [("a", 2, "e")], (0, 1, 0, 1)),
        (entries(["a", "c"]), entries(["b", "d"]), (2, 0, 2, 2)),
    ],
)
def test_each_object_is_new_changed_gone_or_none_of_it(
    listed: list[Entry], published: list[Entry], expected: tuple[int, int, int, int]
) -> None:
    changes = compare(listed, published)

    assert counts(changes) == expected
    assert changes.is_any == any(expected[:3])


def test_random_listings_are_compared_as_dicts_would_be() -> None:
    chance = random.Random(5)
    for _ in range(200):
        one, other = (
            {f"{chance.randrange(30):02d}": (chance.randrange(2), chance.choice("ef")) for _ in range(25)}
            for _ in range(2)
        )
        common = one.keys() & other.keys()

        changes = compare([(k, *one[k]) for k in sorted(one)], [(k, *other[k]) for k in sorted(other)])

        assert counts(changes) == (
            len(one.keys() - other.keys()),
            sum(one[key] != other[key] for key in common),
            len(other.keys() - one.keys()),
            len(one),
        )


def test_one_digest_means_one_listing_whatever_it_is_compared_with() -> None:
    listings: list[list[Entry]] = [
        [],
        entries(KEYS),
        entries(KEYS[1:]),
        entries(KEYS, "f"),
        [("a", 1, "e"), ("b", 1, "e")],
        # The same characters in all, cut into fields otherwise.
        [("a1:e\n1:b", 1, "e")],
        [("a", 11, "e")],
        [("a1", 1, "e")],
    ]
    digests = [compare(listing, ()).digest for listing in listings]

    assert len(set(digests)) == len(listings)
    assert [compare(listing, entries(KEYS)).digest for listing in listings] == digests


@pytest.mark.parametrize("keys", [["b", "a"], ["a", "a"], ["a", "c", "b"]])
def test_a_listing_out_of_order_is_an_error_and_never_a_wrong_count(keys: list[str]) -> None:
    with pytest.raises(InventoryError, match="the listing has the key"):
        compare(entries(keys), entries(sorted(set(keys))))
    with pytest.raises(InventoryError, match="the published inventory has the key"):
        compare(entries(sorted(set(keys))), entries(keys))


def test_an_inventory_is_read_back_with_every_character_of_its_keys() -> None:
    keys = ['a"quoted", b', "a\r\nline", "a\rb", "nul\0", "plus+ percent%20", "é🍎"]

    found = read_entries(packed([["key", "size_bytes", "etag"], *([key, "7", "e-2"] for key in keys)]))

    assert list(found) == [(key, 7, "e-2") for key in keys]


def test_a_table_that_is_no_inventory_is_refused() -> None:
    with pytest.raises(InventoryError, match=r"key,size_bytes,etag, not with \['uri'\]"):
        list(read_entries(packed([["uri"], ["x"]])))


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(b"key,size_bytes,etag\na.jpg,1,e\n" * 99)[:-9],
        gzip.compress(b"key,size_bytes,etag\na.jpg,1\n"),
        gzip.compress(b"key,size_bytes,etag\na.jpg,many,e\n"),
        gzip.compress(b"key,size_bytes,etag\n\xff,1,e\n"),
        gzip.compress(b"key,size_bytes,etag\n" + b"a" * 50_000_000),
    ],
)
def test_an_inventory_that_is_damaged_is_refused_in_little_memory(content: bytes) -> None:
    tracemalloc.start()

    with pytest.raises(InventoryError):
        list(read_entries(io.BytesIO(content)))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (Changes(0, 0, 0, 1048, ""), "nothing new; 1,048 objects in all"),
        (Changes(50, 3, 2, 1050, ""), "50 new, 3 changed, 2 gone; 1,050 objects in all"),
        (Changes(0, 0, 1000, 0, ""), "1,000 gone; 0 objects in all"),
    ],
)
def test_a_person_reads(changes: Changes, text: str) -> None:
    assert changes.text() == text


def test_memory_does_not_grow_with_the_listing() -> None:
    def many(count: int) -> Iterator[Entry]:
        return ((f"landing/{number:09d}.jpg", number, "0123456789abcdef" * 2) for number in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        compare(many(count), many(count - 1))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(40_000) < peak(4_000) + 100_000

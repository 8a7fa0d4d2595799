"""The inventory of a run: the listing that its manifest was made from, which the next run compares its own with."""

COLUMNS = ("key", "size_bytes", "etag")
"""Whole keys, sizes in bytes and ETags without quotes of every object listed, in S3's order of keys."""

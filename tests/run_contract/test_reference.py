"""The reference pages say what the contract says."""

from tools.env.reference import FOLDER, pages


def test_the_pages_on_disk_are_those_that_make_reference_writes() -> None:
    assert {name: (FOLDER / name).read_text(encoding="utf-8") for name in pages()} == pages()

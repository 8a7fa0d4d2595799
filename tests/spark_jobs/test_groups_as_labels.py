"""The groups of one run become a labels file that keeps the same photographs together in another one."""

from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from run_contract.labels import read_csv
from tools.data.groups_as_labels import main


def test_photographs_of_a_group_are_named_by_their_paths_and_single_ones_are_left_out(tmp_path: Path) -> None:
    uris = [f"s3://b/landing/f/{path}" for path in ("Fig/a, b.jpg", "Fig/c.jpg", "Pear/d.jpg")]
    (tmp_path / "groups").mkdir()
    parquet.write_table(pa.table({"uri": uris, "group": ["g1", "g1", None]}), tmp_path / "groups" / "0.parquet")
    main(str(tmp_path / "groups"), "s3://b/landing/f/", str(tmp_path / "labels.csv"))
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as file:
        found = read_csv(file)
    assert {path: (correction.facts.label, correction.facts.group) for path, correction in found.items()} == {
        "Fig/a, b.jpg": (None, "g1"),
        "Fig/c.jpg": (None, "g1"),
    }

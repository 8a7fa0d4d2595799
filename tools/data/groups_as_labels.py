"""Writes the groups of a run as a labels file, so that other runs of the same photographs keep the same ones together.

    groups_as_labels.py GROUPS_FOLDER SOURCE_URI LABELS_FILE

Run by compare.py in the Spark environment, which reads Parquet.
"""

import csv
import sys
from pathlib import Path

from pyarrow import dataset


def main(groups_folder: str, source_uri: str, labels_file: str) -> None:
    rows = dataset.dataset(groups_folder, format="parquet").to_table(columns=["uri", "group"]).to_pylist()
    prefix = f"{source_uri.rstrip('/')}/"
    with Path(labels_file).open("w", newline="", encoding="utf-8") as file:
        written = csv.writer(file)
        written.writerow(("path", "group"))
        written.writerows((row["uri"].removeprefix(prefix), row["group"]) for row in rows if row["group"])


if __name__ == "__main__":
    main(*sys.argv[1:])

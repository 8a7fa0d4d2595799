"""Writes made-up feature vectors as a `features` dataset: correlated, never negative, each column of its own scale."""

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.schemas import FEATURES

SEED = 0
WIDTH = 1280
DIRECTIONS = 300
ROWS_PER_FILE = 1000
"""As many as ingest_images packs into one file, and so as many as one task of featurize_images writes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--width", type=int, default=WIDTH, help="of a vector (default: %(default)s)")
    arguments = parser.parse_args()
    arguments.features.mkdir(parents=True)
    dice = np.random.default_rng(SEED)
    width = arguments.width
    directions = dice.normal(size=(DIRECTIONS, width)) * np.linspace(1, 0.02, DIRECTIONS)[:, None]
    scales = dice.uniform(0.05, 2.0, width)
    for start in range(0, arguments.rows, ROWS_PER_FILE):
        rows = min(ROWS_PER_FILE, arguments.rows - start)
        vectors = dice.normal(size=(rows, DIRECTIONS)) @ directions + 0.3 * dice.normal(size=(rows, width))
        table = _table(start, (np.maximum(vectors, 0) * scales).astype(np.float32))
        pq.write_table(table, arguments.features / f"part-{start // ROWS_PER_FILE:05d}.parquet", compression="zstd")
    (arguments.features / "_SUCCESS").touch()


def _table(start: int, vectors: np.ndarray) -> pa.Table:
    rows, width = vectors.shape
    ids = [f"{start + number:032x}" for number in range(rows)]
    columns = {
        "image_id": pa.array(ids),
        "uri": pa.array([f"s3://benchmark/{name}.jpg" for name in ids]),
        "label": pa.array([f"label {number % 131}" for number in range(rows)]),
        "split": pa.nulls(rows, pa.string()),
        "etag": pa.array(ids),
        "features": pa.ListArray.from_arrays(
            pa.array(np.arange(0, rows * width + 1, width, dtype=np.int32)), pa.array(vectors.reshape(-1))
        ),
    }
    schema = to_arrow_schema(FEATURES)
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


if __name__ == "__main__":
    main()

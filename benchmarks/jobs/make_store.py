"""Writes the feature store's rows of photographs that do not exist: objects, and vectors with a cluster structure."""

import argparse

import numpy as np
import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from benchmarks.drawn import LABELS, SERIES, SIZE_BYTES, Batch, content_sha256, etag
from image_features.images.formats import KEPT_BYTES
from image_features.networks.arguments import NetworkChoice
from image_features.networks.identity import store_identity
from image_features.schemas import OBJECTS, VECTORS
from image_features.storage import feature_store
from image_features.storage.parquet_files import write_part
from image_features.storage.vector_columns import to_list_column

WIDTH = 1280
DIRECTIONS = 150
# About 55 MB, as the store's files are after they were merged.
ROWS_PER_FILE = 16_000
ROWS_PER_GROUP = 2_000
# Chosen so that likeness and zeros are as those of MobileNetV2 on Fruits-360: the middle likeness is 0.66 between
# labels and 0.8 to 0.85 within one, most pairs of a series are around 0.955, and 40 % of all entries are zero.
OF_LABEL, OF_SERIES, OF_ONE, NOISE, OF_COLUMN, ABOVE_ZERO = 0.62, 0.62, 0.3, 0.12, 0.7, 0.25
THUMBNAIL_BYTES = 600
_OBJECTS, _VECTORS = to_arrow_schema(OBJECTS), to_arrow_schema(VECTORS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("store-uri", "backbone", "weights", "weights-sha256"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    given = parser.parse_args()
    identity = store_identity(NetworkChoice(backbone=given.backbone, weights=given.weights), given.weights_sha256)
    feature_store.write_identity(given.store_uri, identity)
    batch, drawing = Batch(given.first, given.count), Drawing()
    for numbers in batch.parts(ROWS_PER_FILE):
        keys = [content_sha256(number) for number in numbers]
        vectors = _vectors(drawing.draw(numbers, np.array([batch.label(number) for number in numbers])), keys)
        write_part(
            feature_store.vectors_uri(given.store_uri, identity), vectors.to_batches(ROWS_PER_GROUP), _VECTORS, keys
        )
        objects = _objects(numbers, keys).to_batches()
        write_part(feature_store.objects_uri(given.store_uri), objects, _OBJECTS, keys)


class Drawing:
    """What all vectors are drawn from; the same numbers give the same vectors."""

    def __init__(self) -> None:
        dice = np.random.default_rng(0)
        directions = _normal(dice, DIRECTIONS, WIDTH) * np.geomspace(1, 0.1, DIRECTIONS, dtype=np.float32)[:, None]
        self._directions = directions / np.sqrt((directions**2).sum(axis=0)).mean()
        self._columns = ABOVE_ZERO + OF_COLUMN * _normal(dice, 1, WIDTH)
        self._labels = OF_LABEL * _normal(dice, LABELS, DIRECTIONS)

    def draw(self, numbers: range, labels: np.ndarray) -> np.ndarray:
        """Return vectors (rows, WIDTH) in float32, never negative."""
        dice = np.random.default_rng([1, numbers.start])
        series = np.array(numbers) // SERIES
        things = {one: OF_SERIES * _normal(np.random.default_rng([2, one]), 1, DIRECTIONS)[0] for one in set(series)}
        places = self._labels[labels] + np.stack([things[one] for one in series])
        vectors = (places + OF_ONE * _normal(dice, len(series), DIRECTIONS)) @ self._directions
        vectors += self._columns
        vectors += NOISE * _normal(dice, len(series), WIDTH)
        return np.maximum(vectors, 0, out=vectors)


def _normal(dice: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return dice.standard_normal((rows, columns), np.float32)


def _vectors(vectors: np.ndarray, keys: list[str]) -> pa.Table:
    rows = len(keys)
    dice = np.random.default_rng(int(keys[0][:15], 16))
    offsets = pa.py_buffer(np.arange(0, (rows + 1) * THUMBNAIL_BYTES, THUMBNAIL_BYTES, dtype=np.int32))
    thumbnails = [None, offsets, pa.py_buffer(dice.bytes(rows * THUMBNAIL_BYTES))]
    columns = {
        "content_sha256": pa.array(keys),
        "features": to_list_column(vectors).cast(_VECTORS.field("features").type),
        "reason": pa.nulls(rows, pa.string()),
        "detail": pa.nulls(rows, pa.string()),
        "width_px": pa.array(np.full(rows, 100, np.int32)),
        "height_px": pa.array(np.full(rows, 100, np.int32)),
        "darkest": pa.array(dice.uniform(0.1, 0.3, rows).astype(np.float32)),
        "brightest": pa.array(dice.uniform(0.7, 1, rows).astype(np.float32)),
        "entropy": pa.array(dice.uniform(4, 8, rows).astype(np.float32)),
        "sharpness": pa.array(np.exp(dice.normal(6, 0.6, rows)).astype(np.float32)),
        "colorfulness": pa.array(dice.uniform(0.1, 0.6, rows).astype(np.float32)),
        "thumbnail": pa.Array.from_buffers(pa.binary(), rows, thumbnails),
    }
    return pa.table([columns[name] for name in _VECTORS.names], _VECTORS.names).cast(_VECTORS)


def _objects(numbers: range, keys: list[str]) -> pa.Table:
    rows = len(keys)
    columns = {
        "etag": pa.array([etag(number) for number in numbers]),
        "size_bytes": pa.array(np.full(rows, SIZE_BYTES)),
        "content_sha256": pa.array(keys),
        "is_image": pa.array(np.ones(rows, bool)),
        "first_bytes": pa.array([b"\xff\xd8\xff\xe0".ljust(KEPT_BYTES, b"\0")] * rows),
    }
    return pa.table([columns[name] for name in _OBJECTS.names], _OBJECTS.names).cast(_OBJECTS)


if __name__ == "__main__":
    main()

"""Times the search for near-duplicates of made-up vectors in Spark, and writes what it took as JSON."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from image_features.validate.duplicates.search import find_pairs, read_images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", required=True)
    parser.add_argument("--least", type=float, required=True)
    parser.add_argument("--told", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("near-duplicates").getOrCreate()
    started = time.monotonic()
    files, images = read_images(spark.sparkContext, arguments.features)
    splits = np.where(np.arange(images.num_rows) % 4 == 0, "Test", "Training").astype(object)
    found = find_pairs(spark.sparkContext, files, splits, arguments.least)
    seconds = time.monotonic() - started
    told = {
        "rows": images.num_rows,
        "pairs": found.pairs,
        "crossing": len(found.crossing),
        "seconds": round(seconds, 1),
    }
    arguments.told.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Measures the search for near-duplicates of made-up vectors in Spark, as an EMR step of its own.

PYTHONPATH=.:plugins python -m benchmarks.duplicates [--rows N] [--width D] [--cores C]
"""

import argparse
import json

from benchmarks.cluster import bench_cluster, bench_home, command_step
from benchmarks.materials import JOBS_PATH, layout, make_vectors, stage_code

NAME = "near-duplicates"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=90_000)
    parser.add_argument("--width", type=int, default=200)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--least", type=float, default=0.955, help="likeness of near-duplicates (default: %(default)s)")
    given = parser.parse_args()
    home = bench_home()
    features, code_uri = layout(make_vectors(home, given.rows, given.width)).uri("features"), stage_code(home)
    told = home.root / "near-duplicates.json"
    words = ["spark-submit", "--py-files", f"{code_uri}/image_features.zip", str(JOBS_PATH / "near_duplicates.py")]
    words += ["--features", features, "--least", str(given.least), "--told", str(told)]
    with bench_cluster(home, given.cores) as cluster:
        measured = cluster.run(NAME, command_step(NAME, words))
    print(json.dumps({**json.loads(told.read_text(encoding="utf-8")), "step": measured}))


if __name__ == "__main__":
    main()

"""The whole run, from the trigger to published, against the classroom notebook as a whole; and the floor of both."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import whole_runs
from benchmarks.cluster import bench_cluster, command_step
from benchmarks.featurizing import CLASSROOM
from benchmarks.materials import JOBS_PATH, forget_networks, run_in_spark_environment
from benchmarks.results import Result, median, variants
from benchmarks.watching import Watcher
from run_contract.param_queries import param_named
from run_contract.stages import STAGES
from tools.local.home import BUCKET, LocalHome

OURS = "make run"
FLOOR = "the network alone"
BACKBONE = "mobilenet_v2"
COMPONENTS = param_named("pca_components").default


def measure(
    home: LocalHome, photos: str, count: int, weights: Path, precision: str, rounds: int
) -> Iterator[dict[str, Any]]:
    """Measure A B A B; last the floor, of which processor time is all that is known.

    Of a whole run, `seconds` are those from the DAG run's start to the end of `publish` by Airflow's clock, and `cpu_s`
    is of Airflow, the endpoint and the steps together.
    """
    step = command_step(CLASSROOM, _classroom(photos, weights))
    for number in range(1, rounds + 1):
        with bench_cluster(home) as cluster:
            yield {"variant": CLASSROOM, "round": number, **cluster.run(CLASSROOM, step)}
        forget_networks(home)
        watcher = Watcher(os.getpid())
        watcher.start()
        run = whole_runs.run_once(home, photos, weights, f"--precision={precision}")
        yield {"variant": OURS, "round": number, **watcher.stop().as_json(), **run}
    floor = ("--backbone", BACKBONE, "--weights", str(weights), "--precision", precision, "--count", str(count))
    yield {
        "variant": FLOOR,
        "round": 1,
        "cpu_s": float(run_in_spark_environment(home, "network_alone.py", *floor)),
    }


def _classroom(photos: str, weights: Path) -> list[str]:
    words = ["spark-submit", str(JOBS_PATH / "classroom.py"), "--photos", f"s3://{BUCKET}/landing/{photos}"]
    words += ["--features", f"s3://{BUCKET}/scratch/classroom", "--backbone", BACKBONE, "--weights", str(weights)]
    return [*words, "--components", str(COMPONENTS)]


def rows(results: list[Result]) -> list[list[str]]:
    """Return the rows of the table: seconds, processor time, both as ratios, and each stage's share of the seconds."""
    table = []
    for result in sorted(results, key=lambda result: (result["images"], result["precision"])):
        floor_s = median(result, FLOOR, "cpu_s")
        for variant in variants(result):
            cpu_s = median(result, variant, "cpu_s")
            facts = [f"{result['images']:,}", result["precision"], variant]
            if variant == FLOOR:
                table.append([*facts, "", "", f"{cpu_s:.0f}", "", "1.0", *[""] * len(STAGES)])
                continue
            seconds = median(result, variant)
            ratios = ["", ""]
            if variant == OURS:
                ratios = [
                    f"{median(result, CLASSROOM) / seconds:.2f}",
                    f"{median(result, CLASSROOM, 'cpu_s') / cpu_s:.2f}",
                ]
            shares = ["" if variant == CLASSROOM else _share(result, stage.name, seconds) for stage in STAGES]
            table.append(
                [*facts, f"{seconds:.1f}", ratios[0], f"{cpu_s:.0f}", ratios[1], f"{cpu_s / floor_s:.1f}", *shares]
            )
    return table


HEADER = [
    *("photographs", "precision", "variant", "seconds", "times as fast", "processor time, s", "times less of it"),
    "times the floor",
    *(stage.name for stage in STAGES),
]


def _share(result: Result, stage: str, seconds: float) -> str:
    return f"{median(result, OURS, stage) / seconds:.0%}"

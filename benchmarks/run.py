"""`make bench`: runs the variants of each benchmark one after the other, round after round, and writes results/*.json.

python -m benchmarks.run [--only NAME...] [--photos FOLDER] [--count N] [--backbones NAME...] [--rounds R]
"""

import argparse
import json
import platform
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import executors, featurizing, reducing, scale, sweep, whole, whole_runs
from benchmarks.cluster import MACHINE_CORES, BenchCluster, bench_cluster, bench_home
from benchmarks.materials import (
    forget_networks,
    forget_vectors,
    make_vectors,
    place_photos,
    run_in_spark_environment,
    stage_code,
)
from benchmarks.results import RESULTS_PATH, Result, read_results
from tools.local.home import REPOSITORY, LocalHome

BACKBONES = ("mobilenet_v2", "resnet50", "vgg16")
BENCHMARKS = ("featurize", "pca", "executors", "airflow", "whole", "scale")
# Without weights there are no whole runs to measure, and the rows of a million photographs take 15 GB and half an hour.
BY_DEFAULT = BENCHMARKS[:-2]


def main(argv: Sequence[str] | None = None) -> None:
    given = _parse(argv)
    # As after an error, the endpoint is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped by a signal"))
    home = bench_home()
    precisions = tuple(run_in_spark_environment(home, "precisions.py").split())
    code_uri = stage_code(home)
    if "featurize" in given.only:
        with bench_cluster(home) as cluster:
            for backbone in given.backbones:
                case = _ingested(cluster, given, backbone, given.count, code_uri)
                steps = _chosen(case.steps(precisions), given.variants)
                _measure(cluster, f"featurize-{backbone}-{given.count}", _facts(case, given.count), steps, given)
    if "pca" in given.only:
        _measure_pca(home, given, code_uri)
    if "executors" in given.only:
        with bench_cluster(home) as cluster:
            for backbone in given.backbones:
                _sweep(cluster, given, backbone, code_uri)
    if "airflow" in given.only:
        photos = place_photos(home, given.photos, given.count)
        facts = _photo_facts(photos, given.count)
        runs = list(whole_runs.measure(home, photos, given.rounds))
        _write(f"airflow-{given.count}", {**facts, **_machine(home)}, runs)
    if "whole" in given.only:
        _measure_whole(home, given)
    if "scale" in given.only:
        _measure_scale(home, given, code_uri)


def _measure_pca(home: LocalHome, given: argparse.Namespace, code_uri: str) -> None:
    for rows in given.rows:
        run = make_vectors(home, rows)
        with bench_cluster(home) as cluster:
            steps = _chosen(reducing.steps(run, code_uri), given.variants)
            _measure(cluster, f"pca-{rows}", {"rows": rows}, steps, given)


def _measure_scale(home: LocalHome, given: argparse.Namespace, code_uri: str) -> None:
    """All stages on drawn rows, once for each number of rows; with `--add` as one round more."""
    for rows in given.rows:
        with bench_cluster(home) as cluster:
            measured = scale.Scale(cluster, rows, code_uri)
            runs = _runs_before(measured.name) if given.add else []
            for one in measured.measure(not given.only_first, given.variants, given.keep):
                before = sum(run["variant"] == one["variant"] for run in runs)
                runs.append({**one, "round": before + 1})
                print(f"{measured.name}: {runs[-1]}", flush=True)
                _write(measured.name, {"rows": rows, **_machine(cluster.home)}, runs)


def _measure_whole(home: LocalHome, given: argparse.Namespace) -> None:
    """Whole runs; with the weights of `--weights`, for of vectors of random ones not all is checked."""
    if given.weights is None:
        raise SystemExit("whole runs are measured with real weights: make bench ONLY=whole WEIGHTS=<file>")
    photos = place_photos(home, given.photos, given.count)
    for precision in given.precisions:
        facts = {**_photo_facts(photos, given.count), "precision": precision}
        runs = []
        for measured in whole.measure(home, photos, given.count, given.weights.resolve(), precision, given.rounds):
            runs.append(measured)
            print(f"whole: {measured}", flush=True)
            _write(f"whole-{precision}-{given.count}", {**facts, **_machine(home)}, runs)


def _sweep(cluster: BenchCluster, given: argparse.Namespace, backbone: str, code_uri: str) -> None:
    """Featurize_images by each combination of executors and cores; by the best one on fewer and on more photographs."""

    def measured(count: int, wanted: Iterable[str]) -> Result:
        case, name = _ingested(cluster, given, backbone, count, code_uri), f"executors-{backbone}-{count}"
        _measure(cluster, name, _facts(case, count), _chosen(executors.steps(case, cluster.cores), wanted), given)
        return read_results(name)[0]

    chosen = [sweep.best(measured(given.count, given.variants))]
    for count in (given.count // sweep.SMALLER, given.count * sweep.LARGER):
        measured(count, chosen)


def _ingested(
    cluster: BenchCluster, given: argparse.Namespace, backbone: str, count: int, code_uri: str
) -> featurizing.FeaturizeCase:
    case = featurizing.FeaturizeCase(cluster.home, backbone, place_photos(cluster.home, given.photos, count), code_uri)
    forget_vectors(cluster.home)
    cluster.run("ingest_images", case.stage_step("ingest_images"))
    return case


def _facts(case: featurizing.FeaturizeCase, count: int) -> dict[str, Any]:
    return {"backbone": case.backbone, **_photo_facts(case.photos, count)}


def _photo_facts(photos: str, count: int) -> dict[str, Any]:
    return {"images": count, "photos": photos.rpartition("-")[0]}


def _measure(
    cluster: BenchCluster, name: str, facts: Mapping[str, Any], steps: Mapping[str, Any], given: argparse.Namespace
) -> None:
    """Measure A B A B, so that other work on the machine meets all variants alike; keep each result at once."""
    runs = _runs_before(name) if given.add else []
    first = max((run["round"] for run in runs), default=0) + 1
    machine = _machine(cluster.home)
    for number in range(first, first + given.rounds):
        for variant, step in steps.items():
            forget_vectors(cluster.home)
            if featurizing.KEPT not in variant:
                forget_networks(cluster.home)
            measured = {"variant": variant, "round": number, **cluster.run(variant, step)}
            runs.append(measured)
            print(f"{name}: {measured}", flush=True)
            _write(name, {**facts, **machine}, runs)


def _runs_before(name: str) -> list[dict[str, Any]]:
    """Return what an earlier measurement of the same left."""
    return [run for result in read_results(name) if result["name"] == name for run in result["runs"]]


def _write(name: str, facts: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> None:
    result = {"name": name, **facts, "runs": runs}
    (RESULTS_PATH / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _machine(home: LocalHome) -> dict[str, Any]:
    versions = json.loads(run_in_spark_environment(home, "versions.py"))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return {
        "cores": MACHINE_CORES,
        "processor": _processor(),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "versions": versions,
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    facts = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    named = {name.strip(): value.strip() for name, value in facts.items()}
    wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in named.get("flags", "").split()]
    text = (
        f"{named.get('model name', platform.machine())}, family {named.get('cpu family')}, model {named.get('model')}"
    )
    return f"{text}, {' '.join(wide)}"


def _chosen(steps: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    wanted = tuple(wanted)
    return {name: step for name, step in steps.items() if not wanted or any(word in name for word in wanted)}


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BY_DEFAULT)
    parser.add_argument("--photos", type=Path, help="a folder of JPEG photographs (default: the drawn demo set)")
    parser.add_argument("--count", type=int, default=3000, help="of photographs (default: %(default)s)")
    parser.add_argument("--backbones", nargs="+", choices=BACKBONES, default=BACKBONES)
    parser.add_argument("--weights", type=Path, help="a file of ImageNet weights of mobilenet_v2, for whole runs")
    parser.add_argument("--precisions", nargs="+", default=("float32",), help="of whole runs (default: float32)")
    parser.add_argument(
        "--rows", nargs="+", type=int, default=(20_000, 90_000), help="of vectors, for the PCA and scale"
    )
    parser.add_argument("--only-first", action="store_true", help="of scale: no second run with 1 %% new rows")
    parser.add_argument("--keep", action="store_true", help="of scale: for more stages (--add --variants) on the same")
    parser.add_argument("--rounds", type=int, default=3, help="of each variant (default: %(default)s)")
    parser.add_argument("--add", action="store_true", help="to the rounds of an earlier measurement of the same")
    parser.add_argument("--variants", nargs="+", default=(), help="only those whose name holds one of these words")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()

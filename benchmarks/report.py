"""The tables of three pages of docs/, written from results/*.json; people write the text around them.

python -m benchmarks.report
"""

import re
import statistics
from collections.abc import Callable, Sequence

from benchmarks import cost as costs
from benchmarks import featurizing, reducing, scale, sweep, whole
from benchmarks.results import Result, median, read_results, values, variants
from tools.local.home import REPOSITORY

PAGE_PATHS = [REPOSITORY / "docs" / name for name in ("benchmarks.md", "measurements.md", "costs.md")]
BLOCK = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    for path in PAGE_PATHS:
        path.write_text(BLOCK.sub(_filled, path.read_text(encoding="utf-8")), encoding="utf-8")


def conditions(results: list[Result]) -> str:
    rows = [
        [
            result["name"],
            result["measured_at"][:16].replace("T", " "),
            result["commit"],
            str(result["cores"]),
            _range([run["others_cores"] for run in result["runs"] if "others_cores" in run], 1),
        ]
        for result in results
    ]
    newest = max(results, key=lambda result: result["measured_at"])
    versions = ", ".join(f"{name} {version}" for name, version in newest["versions"].items())
    header = ["measurement", "UTC", "commit", "cores", "cores that other programs took meanwhile"]
    return f"Processor: {newest['processor']}. {versions}.\n\n{_table(header, rows)}"


def featurize(results: list[Result]) -> str:
    return "\n".join(_featurize_table(result) for result in results)


def _featurize_table(result: Result) -> str:
    rows = []
    for variant in variants(result):
        seconds = values(result, variant)
        light = variant.replace(featurizing.OURS, featurizing.SPEED_OF_LIGHT).removesuffix(f", {featurizing.KEPT}")
        rows.append(
            [
                variant,
                _range(seconds, 1),
                f"{result['images'] / median(result, variant):.0f}",
                _ratio(result, featurizing.CLASSROOM, variant),
                _ratio(result, light, variant) if variant.startswith(featurizing.OURS) else "",
                f"{median(result, variant, 'cpu_s'):.0f}",
                _ratio(result, featurizing.CLASSROOM, variant, "cpu_s"),
                *_memory(result, variant),
            ]
        )
    title = f"**{result['backbone']}**, {result['images']:,} photographs of {result['photos']}:\n\n"
    header = [
        "variant",
        "seconds",
        "images/s",
        "over classroom",
        "of speed of light",
        "processor time, s",
        "over classroom by it",
    ]
    return title + _table([*header, *MEMORY.values()], rows)


def pca(results: list[Result]) -> str:
    results = sorted(results, key=lambda result: result["rows"])
    rows = []
    for result in results:
        for variant in variants(result):
            memory = _memory(result, variant)
            ratio = _ratio(result, reducing.SPARK_ML, variant)
            cpu = [f"{median(result, variant, 'cpu_s'):.0f}", _ratio(result, reducing.SPARK_ML, variant, "cpu_s")]
            rows.append([f"{result['rows']:,}", variant, _range(values(result, variant), 1), ratio, *cpu, *memory])
    header = [
        "rows",
        "variant",
        "seconds",
        "over Spark ML",
        "processor time, s",
        "over Spark ML by it",
        *MEMORY.values(),
    ]
    return _table(header, rows)


def executors(results: list[Result]) -> str:
    return sweep.text(results, costs.read_prices())


def airflow(results: list[Result]) -> str:
    """Of a whole run, what is not in its steps."""
    rows = []
    for result in results:
        for variant in variants(result):
            figures = [_range(values(result, variant, figure), 1) for figure in WHOLE_RUN]
            rows.append([variant, f"{result['images']:,}", *figures])
    return _table(["run by", "images", *WHOLE_RUN.values()], rows)


def precision(results: list[Result]) -> str:
    (result,) = results
    rows = [[name, *(str(facts[figure]) for figure in PRECISION)] for name, facts in result["plans"].items()]
    return _table(["plan", *PRECISION.values()], rows)


def arithmetic(results: list[Result]) -> str:
    (result,) = results
    most = result["sgemm_gflops"]
    rows = [[*(str(row[name]) for name in ARITHMETIC), f"{row['gflops'] / most:.2f}"] for row in result["rows"]]
    table = _table([*ARITHMETIC.values(), "of SGEMM"], rows)
    return f"SGEMM on {result['cores']} cores: {most} GFLOP/s.\n\n{table}"


def large_photos(results: list[Result]) -> str:
    (result,) = results
    rows = [[str(row[figure]) for figure in LARGE_PHOTOS] for row in result["rows"]]
    return _table(list(LARGE_PHOTOS.values()), rows)


def cost(results: list[Result]) -> str:
    """From the largest measurement of each backbone."""
    prices, blocks = costs.read_prices(), []
    largest = {result["backbone"]: result for result in sorted(results, key=lambda result: result["images"])}
    for backbone, result in largest.items():
        variant = f"{featurizing.OURS}, float32, {featurizing.KEPT}"
        if variant not in variants(result):
            continue
        per_core = result["images"] / median(result, variant) / result["cores"]
        per_vcpu = per_core * prices["vcpu_share_of_a_core"]
        rows = []
        for name, fleet in prices["fleets"].items():
            found = costs.estimate(prices, fleet, per_vcpu)
            nodes = f"{fleet['core']} core, {fleet['spot_task']} Spot"
            rows.append([name, nodes, str(found.vcpus), f"{found.minutes:.0f}", f"{found.dollars:.2f}"])
        title = f"**{backbone}**, float32, {per_vcpu:.0f} images a second and vCPU:\n\n"
        blocks.append(title + _table(["fleet", "nodes", "vCPU", "minutes a million", "dollars a million"], rows))
    listing, requests = (days(prices, BILLION) for days in (costs.days_of_listing, costs.days_of_requests))
    blocks.append(f"A billion: {listing:.1f} days of listing, {requests:.1f} days of GET requests under one prefix.\n")
    return "\n".join(blocks)


ARITHMETIC = {
    "backbone": "network",
    "precision": "precision",
    "gflop": "GFLOP a photograph",
    "images_per_s": "photographs/s",
    "gflops": "GFLOP/s",
}
LARGE_PHOTOS = {
    "kind": "kind",
    "size": "size, pixels",
    "whole_ms": "whole, ms",
    "reduced_ms": "reduced, ms",
    "times": "times as fast",
    "median_cosine": "median cosine",
    "smallest_cosine": "smallest",
}
WHOLE_RUN = {"seconds": "DAG run, s", "steps_s": "its steps, s", "added_s": "added, s", "command_s": "whole command, s"}
BILLION = 10**9
PRECISION = {
    "median_cosine": "median cosine",
    "smallest_cosine": "smallest",
    "linear_probe": "linear probe",
    "knn": "k-NN",
    "cpu_ms": "processor time, ms an image",
    "over_float32": "times float32",
}
MEMORY = {
    "jvm_peak_mib": "JVM, MiB",
    "driver_peak_mib": "driver, MiB",
    "network_peak_mib": "making the network, MiB",
    "worker_peak_mib": "largest worker, MiB",
}
TIMED = ("whole-", "featurize-", "pca-", "executors-")
BLOCKS: dict[str, tuple[Callable[[list[Result]], str], tuple[str, ...]]] = {
    "conditions": (conditions, TIMED),
    "featurize": (featurize, ("featurize-",)),
    "pca": (pca, ("pca-",)),
    "executors": (executors, ("executors-",)),
    "airflow": (airflow, ("airflow-",)),
    "whole": (lambda results: _table(whole.HEADER, whole.rows(results)), ("whole-",)),
    "scale": (lambda results: _table(scale.HEADER, scale.rows(results)), ("scale-",)),
    "arithmetic": (arithmetic, ("arithmetic",)),
    "precision": (precision, ("precision",)),
    "amx": (precision, ("amx-precision",)),
    "cost": (cost, ("featurize-",)),
    "large_photos": (large_photos, ("large_photos",)),
}


def _filled(block: re.Match[str]) -> str:
    write, prefixes = BLOCKS[block[2]]
    results = [result for prefix in prefixes for result in read_results(prefix)]
    return block[1] + (write(results) if results else "Not measured yet.\n") + block[3]


def _ratio(result: Result, baseline: str, variant: str, figure: str = "seconds") -> str:
    """How many times as fast as the baseline, or with how many times less of another figure, by the medians."""
    if baseline not in variants(result) or baseline == variant:
        return ""
    return f"{median(result, baseline, figure) / median(result, variant, figure):.2f}"


def _memory(result: Result, variant: str) -> list[str]:
    """Return the peak of each kind, empty where there was no such process."""
    runs = [run for run in result["runs"] if run["variant"] == variant]
    peaks = [max(run.get(kind, 0.0) for run in runs) for kind in MEMORY]
    return [f"{peak:,.0f}" if peak else "" for peak in peaks]


def _range(numbers: Sequence[float], digits: int) -> str:
    middle = statistics.median(numbers)
    if len(numbers) == 1:
        return f"{middle:.{digits}f}"
    return f"{middle:.{digits}f} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()

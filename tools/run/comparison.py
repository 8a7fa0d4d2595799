"""What came of runs with several networks: one row for each, from the run's own documents."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emr_pipeline.run.cost_forecast import Work, forecasts, measured_rates
from emr_pipeline.settings import Settings
from run_contract.params import PARAMS
from run_contract.stages import FEATURIZE
from tools.errors import CompareError
from tools.run.documents import read_json

MILLION = 1_000_000
COLUMNS = {
    "network": "network",
    "dimension": "numbers",
    "components": "kept",
    "linear": "linear probe",
    "knn": "k-NN",
    "images_per_second": "images/s",
    "dollars_per_million": "dollars a million",
}

ACCURACIES = ("linear", "knn")

Row = dict[str, Any]


def row_of(name: str, run_path: Path, settings: Settings) -> Row:
    """Return what a run found, from its own documents; the rate is of an earlier run where this one computed little."""
    summary = _document(run_path / "report" / "validation.json")["summary"]
    stats = _document(run_path / "stats" / f"{FEATURIZE}.json")
    rate = rate_of(stats, run_path.parent)
    return {
        "network": name,
        "run": run_path.name,
        "images": summary["images"],
        "dimension": summary["dimension"],
        "components": summary["components"],
        "linear": summary.get("grouped_linear_probe_accuracy"),
        "knn": summary.get("grouped_knn_accuracy"),
        "linear_as_given": summary["linear_probe_accuracy"],
        "knn_as_given": summary["knn_accuracy"],
        "scored": summary.get("grouped_scored"),
        "images_per_second": rate,
        "dollars_per_million": rate and dollars_per_million(rate, settings),
    }


def rate_of(stats: Mapping[str, Any], runs_path: Path) -> float | None:
    """Return the images a second of the run that computed most vectors of this identity by this engine."""
    best: tuple[int, float] | None = None
    for path in runs_path.glob(f"*/stats/{FEATURIZE}.json"):
        found = read_json(path) or {}
        details = found.get("details", {})
        rate, computed = details.get("images_per_second"), (details.get("vectors") or {}).get("computed", 0)
        if rate and _computed_by(found) == _computed_by(stats):
            best = max(best or (0, 0.0), (computed, rate))
    return best and best[1]


def dollars_per_million(rate: float, settings: Settings) -> float:
    """Return what the forecast of a run says of a million new photographs on a small cluster.

    A core of this machine counts as one vCPU of the cluster.
    """
    per_vcpu = rate / len(os.sched_getaffinity(0))
    work = Work(objects=MILLION, images=MILLION, to_compute=MILLION)
    found = forecasts(work, measured_rates(per_vcpu), settings.dollars_per_hour, settings.spot_dollars_per_hour)
    return round(found[0].dollars, 2)


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the rows as a table for a person, the best linear probe first."""
    ordered = sorted(rows, key=lambda row: -(row["linear"] or 0))
    cells = [COLUMNS, *({name: _text(name, row[name]) for name in COLUMNS} for row in ordered)]
    widths = {name: max(len(row[name]) for row in cells) for name in COLUMNS}
    for row in cells:
        yield "  ".join(
            f"{text:<{widths[name]}}" if name == "network" else f"{text:>{widths[name]}}" for name, text in row.items()
        )
    yield f"accuracies with groups kept together: {rows[0]['scored']}"


def _computed_by(stats: Mapping[str, Any]) -> list[Any]:
    """Return what the feature store keeps vectors apart by."""
    asked = stats.get("arguments", {})
    return [stats.get("details", {}).get("identity"), *(asked.get(param.name) for param in PARAMS if param.keeps_apart)]


def _document(path: Path) -> Any:
    found = read_json(path)
    if found is None:
        raise CompareError(f"{path} is not there, or is no JSON: the run did not write it")
    return found


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:.2f}" if name == "dollars_per_million" else f"{value:.4f}" if name in ACCURACIES else f"{value:,}"

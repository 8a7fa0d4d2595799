"""What was measured, read back: medians, spreads and ratios."""

import json
import statistics
from pathlib import Path
from typing import Any

RESULTS_PATH = Path(__file__).resolve().parent / "results"

Result = dict[str, Any]


def read_results(prefix: str) -> list[Result]:
    """Every result whose name begins so."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS_PATH.glob(f"{prefix}*.json"))]


def variants(result: Result) -> list[str]:
    return list(dict.fromkeys(run["variant"] for run in result["runs"]))


def values(result: Result, variant: str, figure: str = "seconds") -> list[float]:
    return [run[figure] for run in result["runs"] if run["variant"] == variant]


def median(result: Result, variant: str, figure: str = "seconds") -> float:
    return statistics.median(values(result, variant, figure))

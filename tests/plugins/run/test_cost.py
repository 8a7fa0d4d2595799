"""A forecast is held against sums done by hand, and the rates that nobody measured here against the benchmarks."""

import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cost import read_prices
from emr_pipeline.run.cost import START_MINUTES, Rates, forecasts, measured_rates, rates_of_run
from run_contract.backbones import DIMENSIONS, IMAGES_PER_VCPU_S
from run_contract.cluster_sizes import SIZES

BENCHMARKS = Path(__file__).resolve().parents[3] / "docs" / "benchmarks.md"
STATS = {"details": {"images_per_second": 40.0, "vectors": {"computed": 4800}}}
CLUSTER: dict[str, Any] = {
    "units": {"ON_DEMAND": 3, "SPOT": 2},
    "created_at": "2026-11-20T12:00:00Z",
    "ended_at": "2026-11-20T12:10:00Z",
}


def test_every_size_has_its_minutes_and_dollars() -> None:
    small, medium, large, auto = forecasts(1_000_000, 2_000_000, Rates(10, 6, ""), on_demand=1.0, spot=0.5)

    # 8 vCPU at 10 a second are 12,500 s; 2,000 pages of a tenth of a second are 200 s; and 6 minutes.
    assert small.minutes == pytest.approx(12_700 / 60 + 6)
    assert small.dollars == pytest.approx(small.minutes / 60 * 3.0)
    assert medium.dollars == pytest.approx(medium.minutes / 60 * (5.0 + 4 * 0.5))
    assert [each.size for each in (small, medium, large, auto)] == list(SIZES)
    # That of `auto` counts as many Spot nodes as may come.
    assert small.minutes > medium.minutes > large.minutes == auto.minutes
    assert auto.dollars == pytest.approx(auto.minutes / 60 * (3.0 + 22 * 0.5))


def test_a_former_run_gives_its_rate_for_a_vcpu_and_the_time_of_everything_else() -> None:
    found = rates_of_run("r", STATS, [CLUSTER])

    # Four workers of four vCPU; of the ten minutes it computed for two.
    assert found == Rates(2.5, 8.0, "the rates of run r, which computed 4,800 vectors")


@pytest.mark.parametrize(
    ("stats", "clusters"),
    [
        (None, [CLUSTER]),
        ({"details": {"images_per_second": None, "vectors": {"computed": 0}}}, [CLUSTER]),
        ({"details": {"images_per_second": 1.0, "vectors": {"computed": 99}}}, [CLUSTER]),
        (STATS, []),
        (STATS, [CLUSTER, CLUSTER]),
        (STATS, [CLUSTER | {"units": {"ON_DEMAND": 1, "SPOT": 0}}]),
        (STATS, [CLUSTER | {"ended_at": None}]),
    ],
)
def test_a_run_that_says_too_little_gives_no_rates(stats: Any, clusters: list[Any]) -> None:
    assert rates_of_run("r", stats, clusters) is None


def test_every_backbone_has_a_rate_and_it_is_that_of_the_benchmarks() -> None:
    page = BENCHMARKS.read_text(encoding="utf-8")
    written = re.findall(r"\*\*(\w+)\*\*, float32, (\d+) images a second and vCPU", page)

    assert set(IMAGES_PER_VCPU_S) == set(DIMENSIONS)
    assert {name: f"{IMAGES_PER_VCPU_S[name]:.0f}" for name, _ in written} == dict(written)
    assert len(written) == 3
    assert read_prices()["cluster_start_minutes"] == START_MINUTES == measured_rates(3.0).other_minutes

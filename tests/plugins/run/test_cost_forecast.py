"""A forecast is held against sums done by hand, and the rates that nobody measured here against the benchmarks."""

import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cost import read_prices
from emr_pipeline.run.cost_forecast import START_MINUTES, Rates, Work, forecasts, measured_rates, rates_of_run
from run_contract.backbones import DIMENSIONS, IMAGES_PER_VCPU_S
from run_contract.cluster_sizes import SIZES

COSTS = Path(__file__).resolve().parents[3] / "docs" / "costs.md"
STATS: dict[str, Any] = {"featurize_images": {"details": {"images_per_second": 40.0, "vectors": {"computed": 4800}}}}
CLUSTER: dict[str, Any] = {
    "units": {"ON_DEMAND": 3, "SPOT": 2},
    "created_at": "2026-11-20T12:00:00Z",
    "ended_at": "2026-11-20T12:10:00Z",
}


def test_every_size_has_its_minutes_and_dollars() -> None:
    work = Work(objects=2_000_000, images=2_000_000, to_compute=1_000_000)
    rates = Rates(10, 6, "", fetch_s=0.002, row_s=0.0001)
    small, medium, large, auto = forecasts(work, rates, on_demand=1.0, spot=0.5)

    # 8 vCPU at 10 a second are 12,500 s; 2,000 pages of a tenth of a second are 200 s; fetching is 2,000 s, what comes
    # after it 200 s; and 6 minutes.
    assert small.minutes == pytest.approx(14_900 / 60 + 6)
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


def test_what_grows_with_the_photographs_is_not_of_every_run() -> None:
    stats = {
        "ingest_images": {"seconds": 103.0, "details": {"fetched": 4800}},
        "featurize_images": STATS["featurize_images"] | {"seconds": 130.0},
        "reduce_features": {"seconds": 37.0, "rows_in": 6000, "details": {}},
        "validate_run": {"seconds": 45.0, "details": {}},
    }

    found = rates_of_run("r", stats, [CLUSTER])

    # featurize_images took 10 s besides computing. So the others would take 7, 7 and 15 s for nothing, and have worked
    # for 96 s of fetching and 60 s of reducing and validating.
    assert found is not None
    assert found.fetch_s == pytest.approx(0.02)
    assert found.row_s == pytest.approx(0.01)
    assert found.fixed_minutes == pytest.approx((600 - 120 - 96 - 60) / 60)
    again = forecasts(Work(objects=0, images=6000, to_compute=4800), found, 1.0, 1.0)
    # The same work on half the workers computes for twice as long.
    assert again[0].minutes == pytest.approx(10 + 2)


@pytest.mark.parametrize(
    ("stats", "clusters"),
    [
        ({}, [CLUSTER]),
        ({"featurize_images": None}, [CLUSTER]),
        ({"featurize_images": {"details": {"images_per_second": None, "vectors": {"computed": 0}}}}, [CLUSTER]),
        ({"featurize_images": {"details": {"images_per_second": 1.0, "vectors": {"computed": 99}}}}, [CLUSTER]),
        (STATS, []),
        (STATS, [CLUSTER, CLUSTER]),
        (STATS, [CLUSTER | {"units": {"ON_DEMAND": 1, "SPOT": 0}}]),
        (STATS, [CLUSTER | {"ended_at": None}]),
    ],
)
def test_a_run_that_says_too_little_gives_no_rates(stats: Any, clusters: list[Any]) -> None:
    assert rates_of_run("r", stats, clusters) is None


def test_every_backbone_has_a_rate_and_it_is_that_of_the_benchmarks() -> None:
    page = COSTS.read_text(encoding="utf-8")
    written = re.findall(r"\*\*(\w+)\*\*, float32, (\d+) images a second and vCPU", page)

    assert set(IMAGES_PER_VCPU_S) == set(DIMENSIONS)
    assert {name: f"{IMAGES_PER_VCPU_S[name]:.0f}" for name, _ in written} == dict(written)
    assert len(written) == 3
    assert read_prices()["cluster_start_minutes"] == START_MINUTES == measured_rates(3.0).fixed_minutes

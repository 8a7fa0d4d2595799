"""The estimate against a sum done by hand."""

import pytest

from benchmarks.cost import days_of_listing, days_of_requests, estimate, read_prices

PRICES = {
    "instance": {"name": "x", "vcpus": 4, "ec2_per_hour": 1.0, "emr_per_hour": 0.25, "spot_share": 0.5},
    "requests": {"get_per_1000": 0.001, "list_per_1000": 0.01},
    "cluster_start_minutes": 6,
    "seconds_per_listed_page": 0.36,
    "get_per_second_per_prefix": 1000,
}


def test_a_million_photographs_on_three_nodes() -> None:
    found = estimate(PRICES, {"core": 2, "spot_task": 1}, per_vcpu=100.0)
    # 12 vCPU at 100 a second: 833.3 s; 1,000 pages: 360 s; and 6 minutes.
    assert found.vcpus == 12
    assert found.minutes == pytest.approx((833.333 + 360) / 60 + 6, rel=1e-5)
    # Two core nodes, a primary one, half of a Spot one, and EMR's price for all four: 4.5 an hour.
    assert found.dollars == pytest.approx(found.minutes / 60 * 4.5 + 1.0 + 0.01, rel=1e-9)


def test_what_bounds_a_billion() -> None:
    assert days_of_listing(PRICES, 10**9) == pytest.approx(360_000 / 86_400)
    assert days_of_requests(PRICES, 10**9) == pytest.approx(1_000_000 / 86_400)


def test_the_prices_of_the_page_are_whole() -> None:
    prices = read_prices()
    for fleet in prices["fleets"].values():
        assert estimate(prices, fleet, per_vcpu=50.0).dollars > 0

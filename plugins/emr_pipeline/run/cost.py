"""How long a run will take on each size of cluster and what that will cost, from rates; pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from run_contract.cluster_sizes import SIZES, ClusterSize

VCPUS = 4
"""Those of one unit of a fleet, an xlarge."""
LEAST_COMPUTED = 100
"""A run that computed fewer vectors says little of how fast they are computed."""
START_MINUTES = 6.0
"""A cluster's start, as benchmarks/cost.json has it."""
LISTED_S = 0.1
"""For each page of 1,000 objects, which one driver lists while the others wait."""


@dataclass(frozen=True)
class Rates:
    """What a forecast is made from: images a second of one vCPU, and the minutes of all but featurize_images."""

    per_vcpu: float
    other_minutes: float
    source: str


@dataclass(frozen=True)
class CostForecast:
    """Minutes and dollars of one run, from the start of its cluster to its end."""

    size: str
    minutes: float
    dollars: float


def measured_rates(per_vcpu: float) -> Rates:
    """Return the rates of the benchmarks; bfloat16 is counted like float32, for not every node has it."""
    source = "the rates of docs/benchmarks.md, measured on another machine; stages but featurize_images are not counted"
    return Rates(per_vcpu, START_MINUTES, source)


def rates_of_run(run: str, stats: Mapping[str, Any] | None, clusters: Iterable[Mapping[str, Any]]) -> Rates | None:
    """Return the rates of a former run, from its stats of featurize_images and what its one cluster cost.

    Null if it computed too little, or on several clusters: then nobody knows which time belongs to what.
    """
    details, found = (stats or {}).get("details", {}), list(clusters)
    computed, rate = (details.get("vectors") or {}).get("computed", 0), details.get("images_per_second")
    if computed < LEAST_COMPUTED or not rate or len(found) != 1:
        return None
    nodes = sum(found[0].get("units", {}).values()) - 1
    began, ended = found[0].get("created_at"), found[0].get("ended_at")
    if nodes < 1 or not began or not ended:
        return None
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    other_minutes = max(seconds - computed / rate, 0) / 60
    return Rates(rate / (nodes * VCPUS), other_minutes, f"the rates of run {run}, which computed {computed:,} vectors")


def forecasts(images: int, objects: int, rates: Rates, on_demand: float, spot: float) -> list[CostForecast]:
    """Return a forecast for each size; `images` are to be computed, `objects` to be listed, prices are of an hour.

    >>> rates = Rates(per_vcpu=10, other_minutes=6, source="")
    >>> forecasts(48_000, 0, rates, on_demand=0.5, spot=0.25)[0]
    CostForecast(size='small', minutes=16.0, dollars=0.4)
    """
    return [_forecast(name, size, images, objects, rates, on_demand, spot) for name, size in SIZES.items()]


def lines(found: Iterable[CostForecast]) -> Iterator[str]:
    """Yield one line for each size.

    >>> list(lines([CostForecast("small", 16.2, 0.4)]))
    ['small: 17 minutes, 0.40 dollars']
    """
    for each in found:
        yield f"{each.size}: {int(each.minutes) + 1:,} minutes, {each.dollars:,.2f} dollars"


def _forecast(
    name: str, size: ClusterSize, images: int, objects: int, rates: Rates, on_demand: float, spot: float
) -> CostForecast:
    workers = size.core + size.spot_task
    seconds = images / (workers * VCPUS * rates.per_vcpu) + objects / 1000 * LISTED_S
    minutes = rates.other_minutes + seconds / 60
    return CostForecast(name, minutes, minutes / 60 * ((size.core + 1) * on_demand + size.spot_task * spot))

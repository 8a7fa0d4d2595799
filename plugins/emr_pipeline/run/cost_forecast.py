"""How long a run will take on each size of cluster and what that will cost, from rates; pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from run_contract.cluster_sizes import SIZES, ClusterSize
from run_contract.stages import FEATURIZE, INGEST, REDUCE, VALIDATE

VCPUS = 4
"""Those of one unit of a fleet, an xlarge."""
LEAST_COMPUTED = 100
"""A run that computed fewer vectors says little of how fast they are computed."""
START_MINUTES = 6.0
"""A cluster's start, as benchmarks/cost.json has it."""
LISTED_S = 0.1
"""For each page of 1,000 objects, which one driver lists while the others wait."""
IDLE_SHARES = {INGEST: 0.7, REDUCE: 0.7, VALIDATE: 1.5}
"""What a stage takes that has next to nothing to do, to what featurize_images takes when it computes nothing.

The rest of its time grows with the photographs. Starting Java, Spark and Python takes as long as the machine lets it,
so it is these shares that were measured (docs/costs.md), and not seconds.
"""


@dataclass(frozen=True)
class Rates:
    """What a forecast is made from.

    Images a second of one vCPU, seconds of fetching one of them, seconds of reducing and validating one of all images,
    and the minutes that are the same whatever there is to do: cluster, bootstrap, starts of the steps.
    """

    per_vcpu: float
    fixed_minutes: float
    source: str
    fetch_s: float = 0.0
    row_s: float = 0.0


@dataclass(frozen=True)
class CostForecast:
    """Minutes and dollars of one run, from the start of its cluster to its end."""

    size: str
    minutes: float
    dollars: float


def measured_rates(per_vcpu: float) -> Rates:
    """Return the rates of the benchmarks; bfloat16 is counted like float32, for not every node has it."""
    source = "the rates of docs/costs.md, measured on another machine; stages but featurize_images are not counted"
    return Rates(per_vcpu, START_MINUTES, source)


def rates_of_run(
    run: str, stats: Mapping[str, Mapping[str, Any] | None], clusters: Iterable[Mapping[str, Any]]
) -> Rates | None:
    """Return the rates of a former run, from its stats by stage and what its one cluster cost.

    Null if it computed too little, or on several clusters: then nobody knows which time belongs to what.
    """
    details, found = _details(stats.get(FEATURIZE)), list(clusters)
    computed, rate = (details.get("vectors") or {}).get("computed", 0), details.get("images_per_second")
    if computed < LEAST_COMPUTED or not rate or len(found) != 1:
        return None
    nodes = sum(found[0].get("units", {}).values()) - 1
    began, ended = found[0].get("created_at"), found[0].get("ended_at")
    if nodes < 1 or not began or not ended:
        return None
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    computing_s = computed / rate
    idle_s = max(_seconds(stats, FEATURIZE) - computing_s, 0)
    fetching_s, reducing_s, validating_s = (
        max(_seconds(stats, stage) - share * idle_s, 0) for stage, share in IDLE_SHARES.items()
    )
    fetched, rows = _details(stats.get(INGEST)).get("fetched") or 0, (stats.get(REDUCE) or {}).get("rows_in") or 0
    fetch_s = fetching_s / fetched if fetched else 0.0
    row_s = (reducing_s + validating_s) / rows if rows else 0.0
    fixed_s = max(seconds - computing_s - fetched * fetch_s - rows * row_s, 0)
    source = f"the rates of run {run}, which computed {computed:,} vectors"
    return Rates(rate / (nodes * VCPUS), fixed_s / 60, source, fetch_s, row_s)


def _seconds(stats: Mapping[str, Mapping[str, Any] | None], stage: str) -> float:
    return float((stats.get(stage) or {}).get("seconds") or 0)


def _details(of_stage: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (of_stage or {}).get("details") or {}


@dataclass(frozen=True)
class Work:
    """What a run has to do: objects to be listed, images that it takes, and those whose vectors are to be computed."""

    objects: int
    images: int
    to_compute: int


def forecasts(work: Work, rates: Rates, on_demand: float, spot: float) -> list[CostForecast]:
    """Return a forecast for each size of cluster; prices are of an hour of one unit.

    >>> rates = Rates(per_vcpu=10, fixed_minutes=6, source="", fetch_s=0.0, row_s=0.001)
    >>> forecasts(Work(objects=0, images=60_000, to_compute=48_000), rates, on_demand=0.5, spot=0.25)[0]
    CostForecast(size='small', minutes=17.0, dollars=0.425)
    """
    return [_forecast(name, size, work, rates, on_demand, spot) for name, size in SIZES.items()]


def lines(found: Iterable[CostForecast]) -> Iterator[str]:
    """Yield one line for each size.

    >>> list(lines([CostForecast("small", 16.2, 0.4)]))
    ['small: 17 minutes, 0.40 dollars']
    """
    for each in found:
        yield f"{each.size}: {int(each.minutes) + 1:,} minutes, {each.dollars:,.2f} dollars"


def _forecast(name: str, size: ClusterSize, work: Work, rates: Rates, on_demand: float, spot: float) -> CostForecast:
    workers = size.core + size.spot_task
    seconds = work.to_compute / (workers * VCPUS * rates.per_vcpu) + work.objects / 1000 * LISTED_S
    seconds += work.to_compute * rates.fetch_s + work.images * rates.row_s
    minutes = rates.fixed_minutes + seconds / 60
    return CostForecast(name, minutes, minutes / 60 * ((size.core + 1) * on_demand + size.spot_task * spot))

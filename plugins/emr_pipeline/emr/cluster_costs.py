"""What a run cost: the hours of its clusters' instances, from EMR's own lists, at the deployment's prices."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.cluster_states import ENDED_STATES, LOST_STATES, STARTING_STATES, USABLE_STATES
from emr_pipeline.emr.job_flow import UNITS_OF_SIZES, cluster_name
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.s3.objects import update_json
from emr_pipeline.settings import Settings
from run_contract.moments import text_of

# EC2 and EMR bill by the second, but no instance for less.
LEAST_S = 60
MARKETS = ("ON_DEMAND", "SPOT")

Entry = dict[str, Any]
"""One entry of `clusters` in costs/<run>.json."""


def costs_of(
    emr: Any,
    layout: RunLayout,
    tags: Mapping[str, str],
    dag_run_id: str,
    since: datetime | None,
    settings: Settings,
    until: datetime | None = None,
) -> list[Entry]:
    """Return what each cluster of a DAG run that has ended cost; `tags` are those that only its clusters carry.

    With `until`, what each cluster that is still there, or is ending, has cost until then is in it, too.
    """
    states = ENDED_STATES if until is None else (*STARTING_STATES, *USABLE_STATES, *LOST_STATES)
    found = cluster_api.clusters_since(emr, cluster_name(layout), since, states)
    own = [cluster for cluster in found if tags.items() <= cluster_api.tags_of(cluster).items()]
    return [cluster_cost(one, cluster_api.instances(emr, one["Id"]), dag_run_id, settings, until) for one in own]


def cluster_cost(
    cluster: Mapping[str, Any],
    instances: Iterable[Mapping[str, Any]],
    dag_run_id: str,
    settings: Settings,
    until: datetime | None = None,
) -> Entry:
    """Return what a cluster cost: an instance is paid for from its creation to its end, or `until` now.

    One whose end EMR does not say ended with its cluster. A 2xlarge counts as two units, as it does in its fleet.
    """
    timeline = cluster["Status"].get("Timeline", {})
    hours, counts = dict.fromkeys(MARKETS, 0.0), dict.fromkeys(MARKETS, 0)
    for instance in instances:
        own = instance["Status"].get("Timeline", {})
        began, ended = own.get("CreationDateTime"), own.get("EndDateTime") or timeline.get("EndDateTime") or until
        if began and ended:
            market = instance.get("Market") or MARKETS[0]
            units = UNITS_OF_SIZES.get(str(instance.get("InstanceType")).rpartition(".")[2], 1)
            hours[market] += units * max((ended - began).total_seconds(), LEAST_S) / 3600
            counts[market] += units
    prices = dict(zip(MARKETS, (settings.dollars_per_hour, settings.spot_dollars_per_hour), strict=True))
    return {
        "cluster_id": cluster["Id"],
        "dag_run_id": dag_run_id,
        "created_at": _moment(timeline.get("CreationDateTime")),
        "ended_at": _moment(timeline.get("EndDateTime")),
        "units": counts,
        "unit_hours": {market: round(value, 4) for market, value in hours.items()},
        "dollars_per_hour": prices,
        "dollars": round(sum(hours[market] * prices[market] for market in MARKETS), 4),
    }


def record(s3: Any, layout: RunLayout, costs: Sequence[Entry]) -> None:
    """Write costs/<run>.json, with these clusters in the place of what it said of them before."""

    def recorded(document: Any, _: Any) -> dict[str, Any] | None:
        before = document.get("clusters") if isinstance(document, dict) else None
        clusters = {entry["cluster_id"]: entry for entry in [*(before or []), *costs]}
        wanted = {"run": layout.run, "clusters": list(clusters.values())}
        return None if wanted == document else wanted

    update_json(s3, layout.uri("cost"), recorded)


def cost_text(costs: Sequence[Entry]) -> str:
    """Return in words what the clusters cost together.

    >>> cost_text([{"dollars": 0.42, "unit_hours": {"ON_DEMAND": 1.0, "SPOT": 0.25}}])
    '0.42 dollars: 1.25 hours on 1 cluster'
    """
    hours = sum(sum(entry["unit_hours"].values()) for entry in costs)
    clusters = "1 cluster" if len(costs) == 1 else f"{len(costs)} clusters"
    return f"{sum(entry['dollars'] for entry in costs):.2f} dollars: {hours:.2f} hours on {clusters}"


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else text_of(moment)

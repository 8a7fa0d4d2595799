"""The forecast of a run before it has a cluster: from the listing, what is published, and the rates of former runs."""

import logging
from collections.abc import Iterator, Mapping
from itertools import chain
from math import inf
from typing import Any

from emr_pipeline.errors import InventoryError, NoRatesError, ParamsError
from emr_pipeline.run.cost_forecast import CostForecast, Rates, Work, forecasts, lines, measured_rates, rates_of_run
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.s3.objects import read_json
from emr_pipeline.s3.source_listing import SourceListing
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.rollback import taken_back_from
from emr_pipeline.snapshots.snapshot import Origin, inventory_of
from emr_pipeline.snapshots.store import Published
from run_contract.backbones import measured_rate
from run_contract.param_queries import of_the_vectors
from run_contract.params import most_images
from run_contract.preprocessing import PREPROCESSING_VERSION
from run_contract.stages import STAGES

logger = logging.getLogger(__name__)

LOOKED_BACK = 10
"""So many snapshots are asked for rates; the files of older ones are removed by default."""


def check_cost(
    published: Published, origin: Origin, params: Mapping[str, Any], listing: SourceListing, settings: Settings
) -> CostForecast | None:
    """Log what the run will take on each size of cluster, and return the forecast for the one that was asked for.

    Null, and a warning, where the listing cannot be compared or no rates are known. Raises ParamsError if `max_cost` is
    less than that.
    """
    most = params["max_cost"]
    try:
        found, said = forecast_of(published, origin, listing, settings)
    except (InventoryError, NoRatesError) as error:
        if most is not None:
            raise ParamsError(f"max_cost={most}: there is no forecast to hold it against: {error}") from error
        logger.warning("There is no forecast: %s", error)
        return None
    logger.info("Forecast for %s", said)
    for line in lines(found):
        logger.info("Forecast for cluster_size %s", line)
    chosen = next(each for each in found if each.size == params["cluster_size"])
    if most is not None and chosen.dollars > most:
        raise ParamsError(
            f"max_cost={most}: for {said}, the forecast is {'; '.join(lines(found))}, and cluster_size is "
            f"{chosen.size}; give a higher max_cost, another cluster_size, or fewer photographs"
        )
    return chosen


def forecast_of(
    published: Published, origin: Origin, listing: SourceListing, settings: Settings
) -> tuple[list[CostForecast], str]:
    """Return a forecast for each size of cluster, and in words what it is made from.

    Raises InventoryError, or NoRatesError for a network of one's own that no published run has computed with.

    The vectors of a snapshot from which readers were taken back are kept, so they count as computed, too.
    """
    latest = published.latest()
    earlier = [latest, *taken_back_from(published, latest)] if latest else []
    alike = [one for one in earlier if _is_of_the_same_network(one, origin) and _has_vectors_of_this_version(one)]
    changes = [listing.changes_since(uri) for uri in {None, *(_inventory_of_computed(one, origin) for one in alike)}]
    objects = changes[0].objects
    new = min(each.new + each.changed for each in changes)
    work = Work(objects, *(int(most_images(origin.params, count)) for count in (objects, new)))
    former = chain(earlier, _before(published, latest or {}))
    of_each = (_former_rates(published.s3, one, settings) for one in former if _is_of_the_same_network(one, origin))
    rates = next(filter(None, of_each), None)
    if rates is None:
        measured = measured_rate(origin.params)
        if measured is None:
            raise NoRatesError(origin.params["weights"])
        rates = measured_rates(measured)
    found = forecasts(work, rates, settings.dollars_per_hour, settings.spot_dollars_per_hour)
    return found, f"at most {work.to_compute:,} vectors of {objects:,} objects, by {rates.source}"


def _before(published: Published, snapshot: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the snapshots before this one, the newest first: the last run may have computed too little for rates."""
    for _ in range(LOOKED_BACK):
        name = snapshot.get("previous")
        document = published.document(name) if name else None
        if document is None:
            return
        yield document
        snapshot = document


def _is_of_the_same_network(latest: Mapping[str, Any], origin: Origin) -> bool:
    then, now = of_the_vectors(latest.get("params") or {}), of_the_vectors(origin.params)
    return then == now and latest.get("weights_etag") == origin.weights_etag


def _has_vectors_of_this_version(snapshot: Mapping[str, Any]) -> bool:
    identity = snapshot.get("identity") or {}
    return bool(identity.get("preprocessing_version", PREPROCESSING_VERSION) == PREPROCESSING_VERSION)


def _inventory_of_computed(latest: Mapping[str, Any], origin: Origin) -> str | None:
    """Return the inventory of the objects whose vectors the published run has left; null if that is not known."""
    is_whole = most_images(latest.get("params") or {}, inf) == inf
    return inventory_of(latest, origin.source_uri) if is_whole else None


def _former_rates(s3: Any, latest: Mapping[str, Any], settings: Settings) -> Rates | None:
    """Return the rates of the published run, if it is known what it ran on."""
    layout = RunLayout(settings.bucket, str(latest.get("run")))
    document = read_json(s3, layout.uri("cost"))
    clusters = document.get("clusters", []) if isinstance(document, dict) else []
    own = [cluster for cluster in clusters if cluster.get("dag_run_id") == latest.get("dag_run_id")]
    return rates_of_run(layout.run, {stage.name: read_json(s3, layout.stats_uri(stage.name)) for stage in STAGES}, own)

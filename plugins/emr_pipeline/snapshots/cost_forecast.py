"""The forecast of a run before it has a cluster: from the listing, what is published, and the rates of former runs."""

import logging
from collections.abc import Mapping
from typing import Any

from emr_pipeline.errors import InventoryError, ParamsError
from emr_pipeline.run.cost import CostForecast, Rates, forecasts, lines, measured_rates, rates_of_run
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.s3.listing import compare_with_inventory
from emr_pipeline.s3.objects import read_json
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.snapshot import Origin
from run_contract.backbones import measured_rate
from run_contract.param_queries import of_the_vectors
from run_contract.params import is_sampled, most_images
from run_contract.stages import FEATURIZE

logger = logging.getLogger(__name__)


def check_cost(
    s3: Any, latest: Mapping[str, Any] | None, origin: Origin, params: Mapping[str, Any], settings: Settings
) -> None:
    """Log what the run will take on each size of cluster; raise ParamsError if that is more than `max_cost`."""
    most = params["max_cost"]
    try:
        found, said = _forecasts(s3, latest, origin, settings)
    except InventoryError as error:
        if most is not None:
            raise ParamsError(f"max_cost={most}: there is no forecast to hold it against: {error}") from error
        logger.warning("There is no forecast: %s", error)
        return
    logger.info("Forecast for %s", said)
    for line in lines(found):
        logger.info("Forecast for cluster_size %s", line)
    chosen = next(each for each in found if each.size == params["cluster_size"])
    if most is not None and chosen.dollars > most:
        raise ParamsError(
            f"max_cost={most}: for {said}, the forecast is {'; '.join(lines(found))}, and cluster_size is "
            f"{chosen.size}; give a higher max_cost, another cluster_size, or fewer photographs"
        )


def _forecasts(
    s3: Any, latest: Mapping[str, Any] | None, origin: Origin, settings: Settings
) -> tuple[list[CostForecast], str]:
    before = latest if latest and _is_of_the_same_network(latest, origin) else None
    inventory_uri = _inventory_of_computed(before, origin) if before else None
    changes = compare_with_inventory(s3, origin.source_uri, inventory_uri)
    images = most_images(origin.params, changes.new + changes.changed)
    rates = (before and _former_rates(s3, before, settings)) or measured_rates(measured_rate(origin.params))
    found = forecasts(images, changes.objects, rates, settings.dollars_per_hour, settings.spot_dollars_per_hour)
    return found, f"at most {images:,} vectors of {changes.objects:,} objects, by {rates.source}"


def _is_of_the_same_network(latest: Mapping[str, Any], origin: Origin) -> bool:
    then, now = of_the_vectors(latest.get("params") or {}), of_the_vectors(origin.params)
    return then == now and latest.get("weights_etag") == origin.weights_etag


def _inventory_of_computed(latest: Mapping[str, Any], origin: Origin) -> str | None:
    """Return the inventory of the objects whose vectors the published run has left; null if that is not known."""
    is_whole = not is_sampled(latest.get("params") or {}) and latest.get("source_uri") == origin.source_uri
    return latest.get("inventory_uri") if is_whole else None


def _former_rates(s3: Any, latest: Mapping[str, Any], settings: Settings) -> Rates | None:
    """Return the rates of the published run, if it is known what it ran on."""
    layout = RunLayout(settings.bucket, str(latest.get("run")))
    document = read_json(s3, layout.uri("cost"))
    clusters = document.get("clusters", []) if isinstance(document, dict) else []
    own = [cluster for cluster in clusters if cluster.get("dag_run_id") == latest.get("dag_run_id")]
    return rates_of_run(layout.run, read_json(s3, layout.stats_uri(FEATURIZE)), own)

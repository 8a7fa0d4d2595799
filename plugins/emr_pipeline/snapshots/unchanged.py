"""The comparison of a run with what is published: the same photographs, params, code and weights come out the same."""

import logging
from collections.abc import Mapping
from typing import Any

from emr_pipeline.errors import InventoryError
from emr_pipeline.s3.source_listing import SourceListing
from emr_pipeline.snapshots.snapshot import Origin
from emr_pipeline.snapshots.store import Published

logger = logging.getLogger(__name__)


def nothing_new(
    published: Published, latest: Mapping[str, Any] | None, origin: Origin, listing: SourceListing
) -> str | None:
    """Return what to tell a person where a run would repeat the published one; null if not, and the log says why."""
    if latest is None:
        logger.info("Nothing is published yet")
        return None
    differences = origin.differences(latest)
    if differences:
        logger.info("Not what snapshot %s was made of: %s", latest["snapshot"], "; ".join(differences))
        return None
    if not published.is_whole(latest):
        logger.info("Snapshot %s is not whole any more: %s lacks files", latest["snapshot"], latest["run_uri"])
        return None
    try:
        changes = listing.changes_since(latest.get("inventory_uri"))
    except InventoryError as error:
        logger.warning("Whether anything is new cannot be said, so everything is looked at: %s", error)
        return None
    if changes.is_any:
        logger.info("Since snapshot %s: %s", latest["snapshot"], changes.text())
        return None
    return (
        f"nothing new since snapshot {latest['snapshot']} of run {latest['run']}, published {latest['published_at']}: "
        f"the {changes.objects:,} objects below {origin.source_uri} have the keys, sizes and ETags of its inventory, "
        "and params, code and weights are the same. No cluster is made. To run all the same: the param `force`, or "
        "make run FORCE=1"
    )

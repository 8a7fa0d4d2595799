"""The explorer of a run, `explorer.html` next to the report."""

import logging
from dataclasses import replace

import numpy as np
from pyspark import SparkContext

from image_features.errors import Unavailable
from image_features.storage import objects
from image_features.validate.evidence.evidence import Evidence, Sample
from image_features.validate.evidence.looks import Looks
from image_features.validate.evidence.nearest import find_nearest
from image_features.validate.explorer.known_before import new_since_last_snapshot
from image_features.validate.explorer.maps import draw_maps
from image_features.validate.explorer.page import render_explorer, size_without_photographs
from image_features.validate.explorer.photographs import Shown, how_many_fit, photographs_document
from image_features.validate.report.page import VISIBLE
from image_features.validate.suspects.notes import notes_of

logger = logging.getLogger(__name__)

MOST_BYTES = 15_000_000


def write_explorer(context: SparkContext, evidence: Evidence, looks: Looks) -> bool:
    """Write the page, and return whether there is one: there is none of vectors that cannot be placed on a map.

    Of more photographs than the sample has, or than fit into MOST_BYTES, the first of the sample are shown: it is in
    the order of image ids, which are hashes, so they are a random choice.
    """
    if not len(evidence.sample.vectors) or not np.isfinite(evidence.sample.vectors).all():
        logger.warning("no explorer: the PCA features are empty or not finite")
        return False
    count = how_many_fit(evidence.sample, looks.sample, MOST_BYTES - size_without_photographs())
    sample, of_sample = _first(evidence.sample, count), looks.sample.slice(0, count)
    duplicates = evidence.duplicates
    shown = Shown(
        sample=sample,
        looks=of_sample,
        maps=draw_maps(sample.vectors, sample.labels),
        nearest=evidence.nearest if count == len(evidence.nearest) else find_nearest(context, sample.vectors),
        groups=None if isinstance(duplicates, Unavailable) else duplicates.sample_groups[:count],
        notes=_notes(evidence, sample),
        is_new=new_since_last_snapshot(context, evidence.asked, of_sample),
        images=evidence.pca_features.rows,
    )
    report_uri = evidence.asked.report_uri
    page = render_explorer(report_uri.rpartition("/")[0], photographs_document(shown, VISIBLE))
    objects.write_bytes(f"{report_uri}/explorer.html", page.encode(), "text/html; charset=utf-8")
    return True


def _first(sample: Sample, count: int) -> Sample:
    parts = {name: getattr(sample, name)[:count] for name in ("vectors", "uris", "labels", "splits")}
    return replace(sample, **parts)


def _notes(evidence: Evidence, sample: Sample) -> dict[int, str]:
    """Return what is doubtful of a photograph by its place."""
    suspects = [] if isinstance(evidence.suspects, Unavailable) else evidence.suspects.found
    place_of = {uri: place for place, uri in enumerate(sample.uris)}
    notes = notes_of(suspects, evidence.flaws.found)
    return {place_of[uri]: note for uri, note in notes.items() if uri in place_of}

"""The labels of a run, looked at before there is a cluster: the pattern on some paths, and the labels file."""

import io
import itertools
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emr_pipeline.errors import ParamsError
from emr_pipeline.run.layout import object_of
from emr_pipeline.s3.objects import head
from emr_pipeline.s3.source_listing import SourceListing
from run_contract import labels as contract
from run_contract.labels import IGNORED_FOLDER, PRESETS, Correction, Facts, LabelsError

logger = logging.getLogger(__name__)

SHOWN = 10
SHOWN_OF = 1000
# A larger file, and one in Parquet, is read by ingest_images, which refuses the same.
MOST_CSV_BYTES = 64 * 1024**2


def check_labels(s3: Any, params: Mapping[str, Any], listing: SourceListing) -> str | None:
    """Log what ten paths of the source become, and return the ETag of the labels file, null if there is none.

    Raises ParamsError for a labels file that cannot be used, or a pattern that matches nothing of the source.
    """
    source_uri, pattern = listing.source_uri, params["label_pattern"]
    etag, corrections = _read_labels(s3, params["labels"])
    unknown = contract.unknown_paths(corrections, listing.paths()) if corrections else []
    if unknown:
        text = f"labels={params['labels']}: {contract.unknown_text(unknown, source_uri)}"
        if params["unknown_labels"] == contract.REFUSE:
            raise ParamsError(text)
        logger.warning("%s", text)
    facts_of = contract.facts_by(pattern)
    first = list(itertools.islice(_labelled(listing), SHOWN_OF))
    shown = first[:: max(1, -(-len(first) // SHOWN))]
    try:
        _show(shown, facts_of, corrections)
        is_matched = pattern in PRESETS or any(
            contract.corrected(facts_of(path), corrections.get(path)).label for path in _labelled(listing)
        )
    except LabelsError as error:
        raise ParamsError(f"label_pattern={pattern!r}: {error}") from error
    if first and not is_matched:
        raise ParamsError(
            f"label_pattern={pattern!r}: it gives no path below {source_uri} a label; it must match the whole path, "
            f"such as {shown[0]!r}: correct it, or give {' or '.join(PRESETS)}"
        )
    return etag


def _show(paths: list[str], facts_of: Callable[[str], Facts], corrections: Mapping[str, Correction]) -> None:
    for path in paths:
        correction = corrections.get(path)
        if correction is not None and correction.exclude:
            logger.info("%s: excluded by the labels file", path)
            continue
        facts = contract.corrected(facts_of(path), correction)
        logger.info("%s: %s", path, ", ".join(f"{name} {value!r}" for name, value in facts._asdict().items()))


def _labelled(listing: SourceListing) -> Iterator[str]:
    """Yield the paths that a pattern is held against: those in hidden folders and in those of systems are ignored."""
    return (path for path in listing.paths() if not re.search(IGNORED_FOLDER, path))


def _read_labels(s3: Any, uri: str | None) -> tuple[str | None, dict[str, Correction]]:
    if uri is None:
        return None, {}
    found = head(s3, uri)
    if found is None:
        raise ParamsError(f"labels={uri}: no such object; upload the file, or leave the param empty")
    etag = str(found["ETag"]).strip('"')
    if found["ContentLength"] > MOST_CSV_BYTES:
        return etag, {}
    content = s3.get_object(**object_of(uri))["Body"].read()
    if content[:4] == b"PAR1":
        return etag, {}
    try:
        return etag, contract.read_csv(io.StringIO(content.decode("utf-8-sig"), newline=""))
    except (LabelsError, UnicodeDecodeError) as error:
        raise ParamsError(f"labels={uri}: {error}; the file is a CSV in UTF-8, or Parquet") from error

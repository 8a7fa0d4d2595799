"""Label, split and group of every object that is listed: by the pattern, and by the labels file where there is one."""

import io
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from image_features.errors import ImageFeaturesError
from image_features.ingest.arguments import IngestArguments
from image_features.ingest.manifest import path_under
from image_features.storage import objects
from run_contract import labels as contract
from run_contract.labels import IGNORED_FOLDER, PRESETS, REFUSE, Correction, Facts, LabelsError

logger = logging.getLogger(__name__)


class LabelsFileError(ImageFeaturesError):
    """The labels file cannot be read, or does not fit the source."""

    def __init__(self, uri: str, detail: str) -> None:
        super().__init__(f"{uri}: {detail}; correct the file, and clear ingest_images or trigger a new run")


class PatternMatchesNothingError(ImageFeaturesError):
    """No path below the source has a label by the pattern."""

    def __init__(self, pattern: str, source_uri: str, example: str) -> None:
        super().__init__(
            f"label_pattern {pattern!r} gives no object below {source_uri} a label; it must match the whole path, such "
            f"as {example!r}: correct it, or give {' or '.join(PRESETS)}"
        )


@dataclass
class Labels:
    """What says the facts of each path, and counts what came of it; `corrections` are by path."""

    source_uri: str
    pattern: str
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    labels_uri: str = ""
    unknown_labels: str = REFUSE
    _used: set[str] = field(default_factory=set)
    _with_label: int = 0
    _example: str = ""

    def __post_init__(self) -> None:
        self._facts_by_pattern = contract.facts_by(self.pattern)

    def facts(self, uri: str) -> Facts | None:
        """Return the facts of an object, and None for one that the labels file excludes; none in an ignored folder."""
        path = path_under(self.source_uri, uri)
        correction = self.corrections.get(path)
        if correction is not None:
            self._used.add(path)
        if re.search(IGNORED_FOLDER, path):
            return Facts()
        if correction is not None and correction.exclude:
            return None
        try:
            facts = contract.corrected(self._facts_by_pattern(path), correction)
        except LabelsError as error:
            raise PatternError(self.pattern, path, str(error)) from error
        self._with_label += facts.label is not None
        self._example = self._example or path
        return facts

    def check_all_used(self) -> int:
        """Return how many rows of the labels file have no photograph, when the whole source is listed.

        Raises an error if there is one and the run is to be refused for it, or if no path has a label by the pattern.
        """
        unknown = [path for path in self.corrections if path not in self._used]
        if unknown and self.unknown_labels == REFUSE:
            raise LabelsFileError(self.labels_uri, contract.unknown_text(unknown, self.source_uri))
        if unknown:
            logger.warning("%s: %s", self.labels_uri, contract.unknown_text(unknown, self.source_uri))
        if not self._with_label and self._example and self.pattern not in PRESETS:
            raise PatternMatchesNothingError(self.pattern, self.source_uri, self._example)
        return len(unknown)


class PatternError(ImageFeaturesError):
    """The pattern takes from a path what cannot be."""

    def __init__(self, pattern: str, path: str, detail: str) -> None:
        super().__init__(
            f"label_pattern {pattern!r}, path {path!r}: {detail}; correct the pattern, or the folder's name"
        )


def read_labels(arguments: IngestArguments) -> Labels:
    """Return the labels of a run; raises LabelsFileError for a labels file that cannot be used."""
    uri = arguments.labels
    if uri is None:
        return Labels(arguments.source_uri, arguments.label_pattern)
    content = objects.read_bytes(uri)
    try:
        corrections = _of_parquet(content) if content[:4] == b"PAR1" else _of_csv(content)
    except (LabelsError, pa.ArrowException, OSError, UnicodeDecodeError) as error:
        # Arrow writes several lines, and the last line of the log is to name the file.
        raise LabelsFileError(uri, " ".join(str(error).splitlines())) from error
    return Labels(arguments.source_uri, arguments.label_pattern, corrections, uri, arguments.unknown_labels)


def _of_csv(content: bytes) -> dict[str, Correction]:
    # Spreadsheets put a mark before the first column's name.
    return contract.read_csv(io.StringIO(content.decode("utf-8-sig"), newline=""))


def _of_parquet(content: bytes) -> dict[str, Correction]:
    table = pq.read_table(pa.BufferReader(content))
    contract.check_columns(table.schema.names)
    return contract.corrections((f"row {number}", row) for number, row in enumerate(table.to_pylist(), start=1))

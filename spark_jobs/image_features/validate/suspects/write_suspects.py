"""The dataset `suspects` of a run, and `labels.csv`, which corrected is the labels file of the next run."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import Unavailable
from image_features.schemas import SUSPECTS
from image_features.storage import objects
from image_features.storage.parquet_files import write_part
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.evidence.stage_stats import random_weights
from image_features.validate.suspects.doubtful_labels import find_suspects
from image_features.validate.suspects.flaws import find_flaws
from image_features.validate.suspects.notes import notes_of
from image_features.validate.suspects.suspects import Flawed, Flaws, Suspect, Suspects
from run_contract.labels import can_be_written
from run_contract.stages import FEATURIZE, INGEST

_SUSPECTS = to_arrow_schema(SUSPECTS)


def write_suspects(suspects_uri: str, evidence: Evidence, measures: pa.Table) -> tuple[Suspects | Unavailable, Flaws]:
    """Look for doubtful labels in the sample and for flaws by all images' measures, write both files, return both.

    There may be no rows in the files. Paths in `labels.csv` are those below the source.
    """
    reason, sample = random_weights(evidence.stats[FEATURIZE]), evidence.sample
    suspects = Unavailable(reason) if reason else find_suspects(sample, evidence.nearest)
    found = [] if isinstance(suspects, Unavailable) else suspects.found
    flaws = find_flaws(measures)
    objects.delete_prefix(suspects_uri)
    rows = [{"reason": "label", **asdict(suspect)} for suspect in found]
    rows += [{"uri": flawed.uri, "label": flawed.label, "reason": flawed.flaw} for flawed in flaws.found]
    table = pa.Table.from_pylist(rows, _SUSPECTS)
    write_part(suspects_uri, table.to_batches(), _SUSPECTS, [f"{row['uri']} {row['reason']}" for row in rows])
    ingest = evidence.stats[INGEST]
    source_uri = str(ingest["arguments"]["source_uri"]) if ingest else ""
    text = labels_file(found, flaws.found, source_uri)
    # With the mark by which spreadsheets know UTF-8.
    objects.write_bytes(f"{suspects_uri}/labels.csv", text.encode("utf-8-sig"), "text/csv; charset=utf-8")
    return suspects, flaws


def labels_file(found: Sequence[Suspect], flawed: Sequence[Flawed], source_uri: str) -> str:
    """Return the CSV of a labels file that changes nothing until a person corrects it; an image has one row.

    A label that no labels file can name is left empty, which keeps it.

    >>> labels_file([Suspect("s3://b/in/Fig/1.jpg", "Fig", "Date", 0.9)], [], "s3://b/in").splitlines()
    ['path,label,exclude,note', 'Fig/1.jpg,Fig,,"perhaps Date, doubt 0.90"']
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("path", "label", "exclude", "note"))
    labels: dict[str, str | None] = {suspect.uri: suspect.label for suspect in found}
    labels |= {one.uri: one.label for one in flawed}
    for uri, notes in notes_of(found, flawed).items():
        label = labels[uri] or ""
        path = uri.removeprefix(f"{source_uri.rstrip('/')}/")
        rows.writerow((path, label if can_be_written(label) else "", "", notes))
    return text.getvalue()

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
from image_features.validate.suspects.suspects import Suspect, Suspects, find_suspects
from run_contract.stages import FEATURIZE, INGEST

_SUSPECTS = to_arrow_schema(SUSPECTS)


def write_suspects(suspects_uri: str, evidence: Evidence) -> Suspects | Unavailable:
    """Look for suspects in the sample, write both files, and return what was found; there may be no rows in them.

    Paths in `labels.csv` are those below the source.
    """
    reason, sample = random_weights(evidence.stats[FEATURIZE]), evidence.sample
    suspects = Unavailable(reason) if reason else find_suspects(sample.vectors, sample.labels, sample.uris)
    found = [] if isinstance(suspects, Unavailable) else suspects.found
    objects.delete_prefix(suspects_uri)
    table = pa.Table.from_pylist([asdict(suspect) for suspect in found], _SUSPECTS)
    write_part(suspects_uri, table.to_batches(), _SUSPECTS, [suspect.uri for suspect in found])
    ingest = evidence.stats[INGEST]
    source_uri = str(ingest["arguments"]["source_uri"]) if ingest else ""
    text = labels_file(found, source_uri)
    # With the mark by which spreadsheets know UTF-8.
    objects.write_bytes(f"{suspects_uri}/labels.csv", text.encode("utf-8-sig"), "text/csv; charset=utf-8")
    return suspects


def labels_file(found: Sequence[Suspect], source_uri: str) -> str:
    """Return the CSV of a labels file that changes nothing until a person corrects it.

    >>> labels_file([Suspect("s3://b/in/Fig/1.jpg", "Fig", "Date", 0.9)], "s3://b/in").splitlines()
    ['path,label,exclude,note', 'Fig/1.jpg,Fig,,"perhaps Date, doubt 0.90"']
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("path", "label", "exclude", "note"))
    for suspect in found:
        path = suspect.uri.removeprefix(f"{source_uri.rstrip('/')}/")
        rows.writerow((path, suspect.label, "", f"perhaps {suspect.suggested}, doubt {suspect.doubt:.2f}"))
    return text.getvalue()

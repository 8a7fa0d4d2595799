"""The rejects of a run by stage and reason, with examples, read file by file on the workers."""

import heapq
import re
from collections.abc import Sequence

import pyarrow as pa
from pyspark import SparkContext

from image_features.spark_tasks import one_task_each
from image_features.storage.datasets import REJECT_FILES
from image_features.storage.parquet_files import file_groups, read_table
from image_features.validate.evidence.evidence import RejectGroup

EXAMPLES = 5
_COLUMNS = pa.schema([REJECT_FILES.field(name) for name in ("uri", "reason", "detail")])
_STAGE = re.compile(r"/stage=([^/]*)/[^/]*$")

Example = tuple[str, str | None]


def group_rejects(context: SparkContext, rejects_uri: str) -> list[RejectGroup]:
    """Return how many rejects each stage and reason has, the commonest first, with the first few by URI."""

    def grouped(uris: Sequence[str]) -> list[RejectGroup]:
        return [group for uri in uris for group in _groups_of(_stage_of(uri), read_table([uri], _COLUMNS))]

    groups = list(file_groups(rejects_uri, context.defaultParallelism))
    merged: dict[tuple[str, str], RejectGroup] = {}
    for found in (group for of_task in one_task_each(context, groups, grouped).collect() for group in of_task):
        known = merged.get((found.stage, found.reason), RejectGroup(found.stage, found.reason, 0, []))
        examples = _first([*known.examples, *found.examples])
        count = known.count + found.count
        merged[found.stage, found.reason] = RejectGroup(found.stage, found.reason, count, examples)
    return sorted(merged.values(), key=lambda group: (-group.count, group.stage, group.reason))


def _groups_of(stage: str, rejects: pa.Table) -> list[RejectGroup]:
    rows: dict[str, list[Example]] = {}
    for uri, reason, detail in zip(*(rejects[name].to_pylist() for name in _COLUMNS.names), strict=True):
        rows.setdefault(reason, []).append((uri, detail))
    return [RejectGroup(stage, reason, len(of_reason), _first(of_reason)) for reason, of_reason in rows.items()]


def _first(examples: Sequence[Example]) -> list[Example]:
    return heapq.nsmallest(EXAMPLES, examples, key=lambda example: example[0])


def _stage_of(uri: str) -> str:
    """Return the stage that a file of rejects is of, which its folder says."""
    found = _STAGE.search(uri)
    return found[1] if found else ""

"""The dataset `groups` of a run, and the evidence on its near-duplicates."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import SparkContext
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import ImageFeaturesError, Unavailable
from image_features.schemas import GROUPS
from image_features.spark_tasks import one_task_each
from image_features.storage import objects
from image_features.storage.datasets import check_dataset
from image_features.storage.parquet_files import file_groups, read_table, write_part
from image_features.validate.arguments import ValidateArguments
from image_features.validate.duplicates.duplicates import Duplicates, Leak
from image_features.validate.duplicates.forest import groups_of
from image_features.validate.duplicates.leak_free_split import leak_free_split
from image_features.validate.duplicates.likeness import NO_PAIRS, Pairs, taken
from image_features.validate.duplicates.search import NOTHING, find_pairs, most_alike_of_each, read_images
from image_features.validate.evidence.evidence import Evidence, VectorFacts
from image_features.validate.evidence.stage_stats import random_weights
from run_contract.stages import FEATURIZE

# The number of comparisons grows with its square: this many take about an hour of one core.
MOST_IMAGES = 1_000_000
EXAMPLES = 6
_GIVEN = pa.schema([(name, pa.string()) for name in ("image_id", "label", "group")])
_GROUPS = to_arrow_schema(GROUPS)
_ROWS_PER_FILE = 250_000


class OtherPhotographsError(ImageFeaturesError):
    """The groups that a run is to take are those of other photographs."""

    def __init__(self, groups_uri: str) -> None:
        super().__init__(
            f"groups_from: no photograph of this run is in {groups_uri}; give the groups of a run of the same source"
        )


def write_groups(context: SparkContext, arguments: ValidateArguments, evidence: Evidence) -> Duplicates | Unavailable:
    """Find the run's near-duplicates, write the dataset `groups`, one row for each image, and return what is known.

    The groups of another run, `groups_from`, are taken as they are. Where near-duplicates cannot be told only groups
    that are given are in `groups`, and each image keeps the split that it has.
    """
    files, images = read_images(context, arguments.features_uri)
    splits = images["split"].to_pandas().to_numpy()
    reason = why_not(evidence.features) or random_weights(evidence.stats[FEATURIZE])
    found = NOTHING if reason else find_pairs(context, files, splits, arguments.duplicate_likeness)
    labels = _numbers(images["label"])
    other = arguments.groups_from
    given = _groups_of_run(context, other, images) if other else _given_groups(context, arguments.manifest_uri, images)
    groups = groups_of(NO_PAIRS if other else found.forest, labels, given)
    proposed = splits.copy()
    if not reason:
        # By image ids: the order of files must not decide.
        order = pc.sort_indices(images["image_id"].combine_chunks()).to_numpy()
        proposed[order] = leak_free_split(groups[order], splits[order], labels[order])
    crossing = most_alike_of_each(found.crossing)
    _write(arguments.groups_uri, _table(images, groups, proposed, crossing))
    if reason:
        return Unavailable(reason)
    sizes = np.bincount(groups)
    places = _places(evidence.sample.uris, images)
    of_test = splits[crossing.first] == "Test"
    return Duplicates(
        least=arguments.duplicate_likeness,
        pairs=found.pairs,
        groups=int(np.count_nonzero(sizes > 1)),
        grouped=int(sizes[sizes > 1].sum()),
        largest=int(sizes.max()),
        test=int(np.count_nonzero(splits == "Test")),
        leaked=int(np.count_nonzero(of_test)),
        leaks=_examples(images, taken(crossing, np.flatnonzero(of_test))),
        # Numbered as they come in the sample: folds must not depend on the order of files.
        sample_groups=pd.factorize(groups[places])[0],
        sample_splits=proposed[places],
    )


def why_not(facts: VectorFacts) -> str:
    """Return why near-duplicates cannot be told of these vectors, or an empty text."""
    if not facts.rows or facts.narrowest != facts.widest or facts.non_finite:
        return "the features are none, differ in width or are not finite"
    if facts.rows > MOST_IMAGES:
        return f"{facts.rows:,} images are more than the {MOST_IMAGES:,} that are compared"
    return ""


def _groups_of_run(context: SparkContext, groups_uri: str, images: pa.Table) -> NDArray[np.int64]:
    """Return the number of the group that another run has for each image, -1 for none; raises OtherPhotographsError."""
    check_dataset(groups_uri, GROUPS)
    _, others = read_images(context, groups_uri)
    if not pc.any(pc.is_in(images["image_id"], others["image_id"].combine_chunks())).as_py():
        raise OtherPhotographsError(groups_uri)
    return _given_groups(context, groups_uri, images, ["group"])


def _given_groups(
    context: SparkContext, uri: str, images: pa.Table, by: Sequence[str] = ("label", "group")
) -> NDArray[np.int64]:
    """Return the number of the group that a dataset has for each image, -1 for none.

    The groups that path and labels file give belong to one label.
    """

    def given(uris: Sequence[str]) -> pa.Table:
        table = read_table(uris, _GIVEN)
        return table.filter(table["group"].is_valid())

    groups = list(file_groups(uri, context.defaultParallelism))
    tables = one_task_each(context, groups, given).collect()
    rows: pd.DataFrame = pa.concat_tables([_GIVEN.empty_table(), *tables]).to_pandas()
    numbers = pa.array(rows.groupby(list(by), dropna=False).ngroup().to_numpy(np.int64))
    places = pc.index_in(images["image_id"].combine_chunks(), pa.array(rows["image_id"], pa.string()))
    found: NDArray[np.int64] = numbers.take(places).fill_null(-1).to_numpy(zero_copy_only=False)
    return found


def _write(groups_uri: str, table: pa.Table) -> None:
    objects.delete_prefix(groups_uri)
    for start in range(0, max(table.num_rows, 1), _ROWS_PER_FILE):
        part = table.slice(start, _ROWS_PER_FILE)
        write_part(groups_uri, part.to_batches(), _GROUPS, part["image_id"].to_pylist())


def _table(images: pa.Table, groups: NDArray[np.int64], proposed: NDArray[np.object_], crossing: Pairs) -> pa.Table:
    ids = images["image_id"].combine_chunks()
    # A group is named after its smallest image id, so that its name depends on its members alone.
    order = pc.sort_indices(ids).to_numpy()
    names, firsts = np.unique(groups[order], return_index=True)
    name_of = np.zeros(len(groups), np.int64)
    name_of[names] = order[firsts]
    sizes = np.bincount(groups, minlength=len(groups))[groups] if len(groups) else groups
    nearest = np.full(len(groups), -1)
    likeness = np.zeros(len(groups), np.float32)
    nearest[crossing.first], likeness[crossing.first] = crossing.second, crossing.likeness
    columns = {
        **{name: images[name] for name in images.schema.names},
        "group": ids.take(pa.array(name_of[groups], mask=sizes == 1)),
        "group_size": pa.array(sizes),
        "nearest_in_training": ids.take(pa.array(nearest, mask=nearest < 0)),
        "likeness": pa.array(likeness, mask=nearest < 0),
        "leak_free_split": pa.array(proposed, pa.string()),
    }
    return pa.table(columns).select(GROUPS.names).cast(_GROUPS)


def _examples(images: pa.Table, leaks: Pairs) -> list[Leak]:
    """Return the most alike pair of each label, the most alike first."""
    labels = images["label"].take(leaks.first).to_pylist()
    places: dict[str | None, int] = {}
    for place in np.argsort(-leaks.likeness, kind="stable").tolist():
        places.setdefault(labels[place], place)
    shown = taken(leaks, np.array(list(places.values())[:EXAMPLES], np.int64))
    tests, trainings = (images.take(rows).to_pylist() for rows in (shown.first, shown.second))
    return [
        Leak(test["uri"], test["label"], training["uri"], training["label"], likeness)
        for test, training, likeness in zip(tests, trainings, shown.likeness.tolist(), strict=True)
    ]


def _numbers(labels: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return a number for each label; no label has one, too."""
    encoded = labels.combine_chunks().dictionary_encode("encode")
    numbers: NDArray[np.int64] = encoded.indices.to_numpy().astype(np.int64)
    return numbers


def _places(uris: NDArray[np.object_], images: pa.Table) -> NDArray[np.int64]:
    """Return the row of each URI; of one that is not there, which another check reports, the first row."""
    found = pc.index_in(pa.array(uris, pa.string()), images["uri"].combine_chunks())
    places: NDArray[np.int64] = found.fill_null(0).to_numpy()
    return places

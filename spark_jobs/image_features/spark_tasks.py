"""Work on the workers that is no query: a Spark task for each item."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar
from zipimport import zipimporter

from pyspark import RDD, SparkContext

Item = TypeVar("Item")
Result = TypeVar("Result")


def one_task_each(context: SparkContext, items: Sequence[Item], work: Callable[[Item], Result]) -> RDD[Result]:
    """`work` of each item, in their order; nothing is done before the RDD is collected."""

    def task(item: Item) -> Result:
        try:
            return work(item)
        finally:
            _forget_zip_files()

    return context.parallelize(items, max(1, len(items))).map(task)


def _forget_zip_files() -> None:
    """Makes the next task of this worker start fast; what is imported from a zip file later finds it again.

    Before each task Spark has Python's finders look anew (importlib.invalidate_caches), and Python 3.11's of a package
    in a zip file, such as Spark's own, then each read the list of all that is in that file: 0.07 s of processor time a
    task.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[path]

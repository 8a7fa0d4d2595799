"""Work on the workers that is not a query: one Spark task for each item."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar
from zipimport import zipimporter

from pyspark import RDD, SparkContext

Item = TypeVar("Item")
Result = TypeVar("Result")


def one_task_each(context: SparkContext, items: Sequence[Item], work: Callable[[Item], Result]) -> RDD[Result]:
    """Return the results of `work`, in the order of the items; nothing is done before the RDD is collected."""

    def task(item: Item) -> Result:
        try:
            return work(item)
        finally:
            _forget_zip_files()

    return context.parallelize(items, max(1, len(items))).map(task)


def _forget_zip_files() -> None:
    """Make the next task of this worker start fast; a later import from a zip file finds the file again.

    Before each task Spark calls importlib.invalidate_caches. Python 3.11 has one finder for each package in a zip file,
    such as Spark's own, and each finder then reads the list of all files in the zip file: 0.07 s of processor time a
    task.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[path]

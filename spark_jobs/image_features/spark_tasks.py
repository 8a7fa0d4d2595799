"""Work on the workers that is not a query: one Spark task for each item."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pyspark import RDD, SparkContext

Item = TypeVar("Item")
Result = TypeVar("Result")


def one_task_each(context: SparkContext, items: Sequence[Item], work: Callable[[Item], Result]) -> RDD[Result]:
    """Return the results of `work`, in the order of the items; nothing is done before the RDD is collected."""
    return context.parallelize(items, max(1, len(items))).map(work)

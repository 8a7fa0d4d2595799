"""A fault as data: how it strikes, and what must be true afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.faults.stand_in import STAGES


def nothing(_: Any) -> None:
    """The default of what a fault does."""


@dataclass(frozen=True)
class Fault:
    """One row of the table.

    `prepare` happens before the run begins, `strike` while it goes on, `afterwards` when it is over; each is given
    the row's Scene, a LiveScene if it `needs_scheduler`, a SparkScene if it `needs_spark`.
    """

    name: str
    state: str
    """What the DAG run must be."""
    says: str = ""
    """What the errors must say, as a regular expression; empty where nothing may be said."""
    prepare: Callable[[Any], None] = nothing
    strike: Callable[[Any], None] = nothing
    afterwards: Callable[[Any], None] = nothing
    published: str = ""
    """`old`, `new` or `earlier`, where that is not what the run's state says."""
    needs_own_endpoint: bool = False
    hard: tuple[str, ...] = ()
    """How hard the endpoint (then one of its own) is, as `python -m local_aws --hard` takes it."""
    clock_ahead_s: int = 0
    """How far the clock of the endpoint (then one of its own) is ahead of Airflow's."""
    runs: int = 1
    """How many runs go on at the same time."""
    steps: tuple[int, ...] = ()
    """How many steps each stage must have, where a stage is attempted more than once or never."""
    may_adopt: bool = False
    """A second attempt may also find the first one's step running, adopt it and need none of its own."""
    clusters: int = 0
    """How many clusters there must be, where that is not one a run."""
    needs_scheduler: bool = False
    """Runs in an Airflow with all its processes, not by `DAG.test`."""
    needs_spark: bool = False
    """Its steps are the stages' own code, not stand-ins."""
    tells_nobody: bool = False
    """What it breaks is also the way to people."""
    is_control: bool = False
    """Breaks nothing: the other rows are compared with it."""
    breaks_all: bool = False
    """Strikes the Airflow that others share: it waits until they are over."""

    @property
    def shares_endpoint(self) -> bool:
        return not (self.needs_own_endpoint or self.needs_spark or self.clock_ahead_s or self.hard)

    @property
    def snapshot(self) -> str:
        return self.published or ("new" if self.state == "success" else "old")

    @property
    def most_clusters(self) -> int:
        return self.clusters or self.runs

    def allows(self, counts: tuple[int, ...], attempts: tuple[int, ...]) -> bool:
        """Whether a run of it may have that many steps, by stage.

        On a busy machine Airflow takes a task for lost that is not, and tries it again: such a stage may have as many
        steps as it had attempts.
        """
        if self.may_adopt and counts == (1,) * len(STAGES):
            return True
        expected = self.steps or (self.runs,) * len(STAGES)
        fewest = expected if self.steps or self.state == "success" else (0,) * len(STAGES)
        return all(
            least <= count <= max(most, tries)
            for least, count, most, tries in zip(fewest, counts, expected, attempts, strict=True)
        )

"""A fault as data: how it strikes, and what must be true afterwards."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.scene import Scene


def nothing(_: Scene) -> None:
    """The default of what a fault does."""


@dataclass(frozen=True)
class Fault:
    """One row of the table.

    `prepare` happens before the run begins, `strike` while it goes on, `afterwards` when it is over.
    """

    name: str
    state: str
    """What the DAG run must be."""
    says: str = ""
    """What the errors must say, as a regular expression; empty where nothing may be said."""
    prepare: Callable[[Scene], None] = nothing
    strike: Callable[[Scene], None] = nothing
    afterwards: Callable[[Scene], None] = nothing
    published: str = ""
    """`old` or `new`, where that is not what the run's state says."""
    needs_own_endpoint: bool = False
    clock_ahead_s: int = 0
    """How far the clock of the endpoint (then one of its own) is ahead of Airflow's."""
    runs: int = 1
    """How many runs go on at the same time."""

    @property
    def shares_endpoint(self) -> bool:
        return not (self.needs_own_endpoint or self.clock_ahead_s)

    @property
    def snapshot(self) -> str:
        return self.published or ("new" if self.state == "success" else "old")

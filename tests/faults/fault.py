"""A fault as data: how it strikes, and what must be true afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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
    steps: Mapping[str, int] = field(default_factory=dict)
    """How many steps a stage may have in all, where that is not one."""
    published: str = ""
    """`old` or `new`, where that is not what the run's state says."""
    needs_own_endpoint: bool = False
    runs: int = 1
    """How many runs go on at the same time."""

    @property
    def snapshot(self) -> str:
        return self.published or ("new" if self.state == "success" else "old")

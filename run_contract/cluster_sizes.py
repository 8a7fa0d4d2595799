"""The sizes of a cluster that a run may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterSize:
    """The number of nodes next to the primary one."""

    core: int
    spot_task: int


SIZES = {
    "small": ClusterSize(core=2, spot_task=0),
    "medium": ClusterSize(core=4, spot_task=4),
    "large": ClusterSize(core=8, spot_task=16),
}

"""Cluster sizes that a run may choose from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterSize:
    """Number of nodes besides the primary one."""

    core: int
    spot_task: int


SIZES = {
    "small": ClusterSize(core=2, spot_task=0),
    "medium": ClusterSize(core=4, spot_task=4),
    "large": ClusterSize(core=8, spot_task=16),
}

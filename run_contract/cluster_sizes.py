"""The sizes of a cluster that a run may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterSize:
    """The number of nodes next to the primary one."""

    core: int
    spot_task: int
    is_scaled: bool = False
    """Whether EMR's managed scaling adds Spot nodes while work waits, up to `spot_task`, and removes them after it."""

    def __str__(self) -> str:
        return f"{self.core} core and {'at most ' if self.is_scaled else ''}{self.spot_task} Spot nodes"


SIZES = {
    "small": ClusterSize(core=2, spot_task=0),
    "medium": ClusterSize(core=4, spot_task=4),
    "large": ClusterSize(core=8, spot_task=16),
    "auto": ClusterSize(core=2, spot_task=22, is_scaled=True),
}

"""A split that no group crosses, as near as can be to the given one. Pure."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from run_contract.labels import SPLITS

# What is proposed where no image has a split.
SHARES = {"Training": 0.8, "Test": 0.2}


def leak_free_split(
    groups: NDArray[np.int64], splits: NDArray[np.object_], labels: NDArray[np.integer]
) -> NDArray[np.object_]:
    """Return a split for each row; rows of one group have one split, and rows without a split keep none.

    Groups that lie in one split stay there. The others are taken whole, the largest first, each to the split that still
    lacks most images of its labels. Where no row has a split, every group is taken so, to 80 % Training and 20 % Test.
    """
    has_split = np.array([split is not None for split in splits], dtype=bool)
    is_given = bool(has_split.any())
    offered = [split for split in SPLITS if split in set(splits[has_split])] if is_given else list(SHARES)
    # What stays where it is leaves nothing lacking, so that only rows of the others are held one by one.
    rows_to_take = _rows_of_crossing_groups(groups, splits, offered) if is_given else np.arange(len(splits))
    members: defaultdict[int, list[int]] = defaultdict(list)
    lacking: defaultdict[int, dict[str, float]] = defaultdict(lambda: dict.fromkeys(offered, 0.0))
    for row in rows_to_take.tolist():
        members[int(groups[row])].append(row)
        for split, share in ({splits[row]: 1.0} if is_given else SHARES).items():
            lacking[labels[row]][split] += share
    proposed = splits.copy()
    for rows in sorted(members.values(), key=lambda rows: (-len(rows), rows[0])):
        # By label, for a group may hold several.
        lacks = {split: sum(lacking[label][split] for label in labels[rows]) for split in offered}
        chosen = max(lacks, key=lambda split: lacks[split])
        for label in labels[rows]:
            lacking[label][chosen] -= 1
        proposed[rows] = chosen
    return proposed


def _rows_of_crossing_groups(
    groups: NDArray[np.int64], splits: NDArray[np.object_], offered: list[str]
) -> NDArray[np.intp]:
    """Return the rows with a split, ascending, whose group has rows of another one."""
    in_split = np.stack([splits == split for split in offered])
    numbers = np.unique(groups, return_inverse=True)[1]
    splits_of_group = np.sum([np.bincount(numbers, of_split) > 0 for of_split in in_split], axis=0)
    return np.flatnonzero(in_split.any(axis=0) & (splits_of_group[numbers] > 1))

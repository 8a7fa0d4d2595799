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
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in np.flatnonzero(has_split) if is_given else range(len(splits)):
        members[int(groups[row])].append(int(row))
    offered = [split for split in SPLITS if split in set(splits[has_split])] if is_given else list(SHARES)
    lacking: defaultdict[int, dict[str, float]] = defaultdict(lambda: dict.fromkeys(offered, 0.0))
    for rows in members.values():
        for row in rows:
            for split, share in ({splits[row]: 1.0} if is_given else SHARES).items():
                lacking[labels[row]][split] += share
    proposed = splits.copy()
    crossing = []
    for rows in members.values():
        of_rows = {splits[row] for row in rows}
        if is_given and len(of_rows) == 1:
            _take(lacking, labels[rows], of_rows.pop())
        else:
            crossing.append(rows)
    for rows in sorted(crossing, key=lambda rows: (-len(rows), rows[0])):
        # By label, for a group may hold several.
        lacks = {split: sum(lacking[label][split] for label in labels[rows]) for split in offered}
        chosen = max(lacks, key=lambda split: lacks[split])
        _take(lacking, labels[rows], chosen)
        proposed[rows] = chosen
    return proposed


def _take(lacking: dict[int, dict[str, float]], labels: NDArray[np.integer], split: str) -> None:
    for label in labels:
        lacking[label][split] -= 1

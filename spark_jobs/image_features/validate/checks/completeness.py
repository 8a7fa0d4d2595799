"""Pure: every stage before this one finished, and what lies in S3 is what it counted."""

from __future__ import annotations

from collections.abc import Mapping

from image_features.validate.checks.check import Check, hard
from image_features.validate.evidence.evidence import Membership, Stats, VectorFacts
from run_contract.stages import STAGES, VALIDATE

UPSTREAM = tuple(stage.name for stage in STAGES if stage.name != VALIDATE)


def stages_complete(stats: Mapping[str, Stats | None]) -> Check:
    missing = [stage for stage in UPSTREAM if stats.get(stage) is None]
    advice = f"no stats of {', '.join(missing)}, so what they wrote may be half a dataset: clear {''.join(missing[:1])}"
    return hard("stages_complete", not missing, len(UPSTREAM) - len(missing), len(UPSTREAM), advice)


def counts_agree(
    stats: Mapping[str, Stats | None], membership: Membership, features: VectorFacts, pca_features: VectorFacts
) -> Check:
    """Each dataset holds as many rows as the stage that wrote it counted; the value is how many do not."""
    found = {
        "ingest_images": ("rows_in", membership.total("manifest")),
        "featurize_images": ("rows_out", features.rows),
        "reduce_features": ("rows_out", pca_features.rows),
    }
    wrong = []
    for stage, (count, rows) in found.items():
        of_stage = stats.get(stage)
        if of_stage is not None and of_stage[count] != rows:
            wrong.append(f"{stage} counted {of_stage[count]} rows, {rows} are there")
    advice = f"{'; '.join(wrong)}: was a dataset changed after it was written? Clear {''.join(wrong[:1]).split(' ')[0]}"
    return hard("row_counts_agree", not wrong, len(wrong), 0, advice)

"""Checks that every stage before this one finished, and that what lies in S3 is what it counted."""

from collections.abc import Mapping

from image_features.validate.checks.check import Judgement, check
from image_features.validate.evidence.evidence import Membership, VectorFacts
from image_features.validate.evidence.stage_stats import UPSTREAM, Stats, detail


@check
def stages_complete(stats: Mapping[str, Stats | None]) -> Judgement:
    """Judge whether every stage left its stats, which it writes last; the value is how many did."""
    missing = [stage for stage in UPSTREAM if stats.get(stage) is None]
    advice = (
        f"there are no stats of {', '.join(missing)}, so what was written may be half a dataset: "
        f"clear {''.join(missing[:1])}"
    )
    return not missing, len(UPSTREAM) - len(missing), len(UPSTREAM), advice


@check
def row_counts_agree(
    stats: Mapping[str, Stats | None], membership: Membership, features: VectorFacts, pca_features: VectorFacts
) -> Judgement:
    """Judge whether each dataset holds as many rows as its stage counted; the value is how many do not."""
    found = {
        "ingest_images": ("rows_in", membership.totals["manifest"]),
        "featurize_images": ("rows_out", features.rows),
        "reduce_features": ("rows_out", pca_features.rows),
    }
    wrong = []
    for stage, (count, rows) in found.items():
        of_stage = stats.get(stage)
        if of_stage is not None and of_stage[count] != rows:
            wrong.append(f"{stage} counted {of_stage[count]} rows, {rows} are there")
    advice = f"{'; '.join(wrong)}: was a dataset changed after it was written? Clear {''.join(wrong[:1]).split(' ')[0]}"
    return not wrong, len(wrong), 0, advice


@check
def labels_file_fits(ingest: Stats | None) -> Judgement:
    """Judge how many rows of the labels file name no photograph; a run by hand is refused for them by default."""
    unknown = detail(ingest, "unknown_labels") or 0
    advice = f"{unknown:,} rows of the labels file name a photograph that is not there: take them out, or correct them"
    return unknown == 0, unknown, 0, advice

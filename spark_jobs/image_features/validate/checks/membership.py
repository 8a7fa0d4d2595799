"""Checks that nothing is lost or there twice, that no label vanishes, and that not too much was rejected."""

from image_features.validate.checks.check import Judgement, check
from image_features.validate.evidence.evidence import Membership


@check
def every_object_once(membership: Membership) -> Judgement:
    """Judge whether every row of the manifest is in exactly one of features and rejects, and nothing else is."""
    missing, doubled, unknown = (membership.totals[count] for count in ("missing", "doubled", "unknown"))
    wrong = missing + doubled + unknown
    advice = (
        f"of the manifest's {membership.totals['manifest']} objects {missing} are in neither features nor rejects and "
        f"{doubled} are there more than once; {unknown} are there that the manifest does not have. Clear "
        "featurize_images; if that does not help, clear ingest_images"
    )
    return wrong == 0, wrong, 0, advice


@check
def image_id_unique(membership: Membership) -> Judgement:
    """Judge whether each image id stands in the manifest once."""
    repeated = membership.totals["repeated"]
    return repeated == 0, repeated, 0, f"{repeated} image ids are in the manifest more than once: clear ingest_images"


@check
def pca_features_complete(membership: Membership) -> Judgement:
    """Judge whether every image is as often, namely once, in pca_features as in features."""
    unreduced = membership.totals["unreduced"]
    advice = f"{unreduced} images are not once in features and once in pca_features: clear reduce_features"
    return unreduced == 0, unreduced, 0, advice


@check
def labels_kept(membership: Membership) -> Judgement:
    """Judge whether features have the manifest's labels, without those whose objects were all rejected."""
    lost, new, relabeled = (membership.totals[count] for count in ("lost", "new", "relabeled"))
    named = {name: list(membership.named.get(name, [])) for name in ("lost", "new")}
    advice = (
        f"{lost} labels of the manifest are lost {named['lost']}, {new} are new {named['new']}, "
        f"{relabeled} images changed their label or split on the way: clear featurize_images"
    )
    return lost + new + relabeled == 0, lost + new + relabeled, 0, advice


@check
def reject_share(membership: Membership, limit: float) -> Judgement:
    """Judge the share of rejected images; what is no image or is left out on purpose does not count."""
    ignored = membership.totals["ignored"]
    rejected, images = membership.totals["rejects"] - ignored, membership.totals["manifest"] - ignored
    share = rejected / images if images else 0.0
    advice = (
        f"{rejected} of {images} images were rejected; read the "
        "reasons below, correct the source, or raise max_reject_share if these rejects are expected"
    )
    return share <= limit, share, limit, advice

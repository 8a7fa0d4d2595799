"""Checks that nothing is lost or there twice, that no label vanishes, and that not too much was rejected."""

from __future__ import annotations

from image_features.validate.checks.check import Judgement, check
from image_features.validate.evidence.evidence import Membership

NAMED_LABELS = 5


@check
def every_object_once(membership: Membership) -> Judgement:
    """Judge whether every row of the manifest is in exactly one of features and rejects, and nothing else is."""
    missing, doubled, unknown = (membership.total(count) for count in ("missing", "doubled", "unknown"))
    wrong = missing + doubled + unknown
    advice = (
        f"of the manifest's {membership.total('manifest')} objects {missing} are in neither features nor rejects and "
        f"{doubled} are there more than once; {unknown} are there that the manifest does not have. Clear "
        "featurize_images; if that does not help, clear ingest_images"
    )
    return wrong == 0, wrong, 0, advice


@check
def image_id_unique(membership: Membership) -> Judgement:
    """Judge whether each image id stands in the manifest once."""
    repeated = membership.total("repeated")
    return repeated == 0, repeated, 0, f"{repeated} image ids are in the manifest more than once: clear ingest_images"


@check
def pca_features_complete(membership: Membership) -> Judgement:
    """Judge whether every image is as often, namely once, in pca_features as in features."""
    unreduced = membership.total("unreduced")
    advice = f"{unreduced} images are not once in features and once in pca_features: clear reduce_features"
    return unreduced == 0, unreduced, 0, advice


@check
def labels_kept(membership: Membership) -> Judgement:
    """Judge whether features have the manifest's labels, without those whose objects were all rejected."""
    known, rejected = membership.labels("manifest"), membership.labels("rejects")
    expected = {label for label, count in known.items() if count > rejected.get(label, 0)}
    found = set(membership.labels("features"))
    lost, new, relabeled = sorted(expected - found), sorted(found - set(known)), membership.total("relabeled")
    wrong = len(lost) + len(new) + relabeled
    advice = (
        f"{len(lost)} labels of the manifest are lost {lost[:NAMED_LABELS]}, {len(new)} are new {new[:NAMED_LABELS]}, "
        f"{relabeled} images changed their label or split on the way: clear featurize_images"
    )
    return wrong == 0, wrong, 0, advice


@check
def reject_share(membership: Membership, limit: float) -> Judgement:
    """Judge the share of rejected images; what is no image at all (`ignored_object`) is not counted at all."""
    ignored = membership.total("ignored")
    rejected, images = membership.total("rejects") - ignored, membership.total("manifest") - ignored
    share = rejected / images if images else 0.0
    advice = (
        f"{rejected} of {images} images were rejected; read the "
        "reasons below, correct the source, or raise max_reject_share if these rejects are expected"
    )
    return share <= limit, share, limit, advice

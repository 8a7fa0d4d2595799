"""Checks that nothing is lost or there twice, that no label vanishes, and that not too much was rejected."""

from __future__ import annotations

from image_features.validate.checks.check import Check, Finding
from image_features.validate.evidence.evidence import Membership

EVERY_OBJECT_ONCE = Check("every_object_once", "hard", "Every object is in exactly one of features and rejects")
IMAGE_ID_UNIQUE = Check("image_id_unique", "hard", "Image ids are unique")
PCA_FEATURES_COMPLETE = Check("pca_features_complete", "hard", "Every image with features has PCA features")
LABELS_KEPT = Check("labels_kept", "hard", "No label is lost, new or changed")
REJECT_SHARE = Check("reject_share", "hard", "Few enough images were rejected", is_share=True)

NAMED_LABELS = 5


def every_object_once(membership: Membership) -> Finding:
    """Judge whether every row of the manifest is in exactly one of features and rejects, and nothing else is."""
    missing, doubled, unknown = (membership.total(count) for count in ("missing", "doubled", "unknown"))
    wrong = missing + doubled + unknown
    advice = (
        f"of the manifest's {membership.total('manifest')} objects {missing} are in neither features nor rejects and "
        f"{doubled} are there more than once; {unknown} are there that the manifest does not have. Clear "
        "featurize_images; if that does not help, clear ingest_images"
    )
    return EVERY_OBJECT_ONCE.judge(wrong == 0, wrong, 0, advice)


def image_id_unique(membership: Membership) -> Finding:
    """Judge whether each image id stands in the manifest once."""
    repeated = membership.total("repeated")
    advice = f"{repeated} image ids are in the manifest more than once: clear ingest_images"
    return IMAGE_ID_UNIQUE.judge(repeated == 0, repeated, 0, advice)


def pca_features_complete(membership: Membership) -> Finding:
    """Judge whether every image is as often, namely once, in pca_features as in features."""
    unreduced = membership.total("unreduced")
    advice = f"{unreduced} images are not once in features and once in pca_features: clear reduce_features"
    return PCA_FEATURES_COMPLETE.judge(unreduced == 0, unreduced, 0, advice)


def labels_kept(membership: Membership) -> Finding:
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
    return LABELS_KEPT.judge(wrong == 0, wrong, 0, advice)


def reject_share(membership: Membership, limit: float) -> Finding:
    """Judge the share of rejected images; what is no image at all (`ignored_object`) is not counted at all."""
    share = reject_share_of(membership)
    rejected = membership.total("rejects") - membership.total("ignored")
    advice = (
        f"{rejected} of {membership.total('manifest') - membership.total('ignored')} images were rejected; read the "
        "reasons below, correct the source, or raise max_reject_share if these rejects are expected"
    )
    return REJECT_SHARE.judge(share <= limit, share, limit, advice)


def reject_share_of(membership: Membership) -> float:
    """Return the share of images that were rejected, 0 where there was none that could have been."""
    ignored = membership.total("ignored")
    images = membership.total("manifest") - ignored
    return (membership.total("rejects") - ignored) / images if images else 0.0

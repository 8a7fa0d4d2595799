"""Pure: nothing is lost, nothing is there twice, no label vanishes, and not too much was rejected."""

from __future__ import annotations

from image_features.validate.checks.check import Check, hard
from image_features.validate.evidence.evidence import Membership

NAMED_LABELS = 5


def every_object_once(membership: Membership) -> Check:
    """Every manifest row is in exactly one of features and rejects, and nothing else is in them."""
    missing, doubled, unknown = (membership.total(count) for count in ("missing", "doubled", "unknown"))
    return hard(
        "every_object_once",
        missing + doubled + unknown == 0,
        missing + doubled + unknown,
        0,
        f"of the manifest's {membership.total('manifest')} objects {missing} are in neither features nor rejects and "
        f"{doubled} are there more than once; {unknown} are there that the manifest does not know. Clear "
        "featurize_images; if it stays, clear ingest_images",
    )


def image_id_unique(membership: Membership) -> Check:
    repeated = membership.total("repeated")
    advice = f"{repeated} image ids stand more than once in the manifest: clear ingest_images"
    return hard("image_id_unique", repeated == 0, repeated, 0, advice)


def pca_features_complete(membership: Membership) -> Check:
    unreduced = membership.total("unreduced")
    advice = f"{unreduced} images are not once in features and once in pca_features: clear reduce_features"
    return hard("pca_features_complete", unreduced == 0, unreduced, 0, advice)


def labels_kept(membership: Membership) -> Check:
    """The labels of features are those of the manifest, less those of which every object was rejected."""
    known, rejected = membership.labels("manifest"), membership.labels("rejects")
    expected = {label for label, count in known.items() if count > rejected.get(label, 0)}
    found = set(membership.labels("features"))
    lost, new, relabeled = sorted(expected - found), sorted(found - set(known)), membership.total("relabeled")
    wrong = len(lost) + len(new) + relabeled
    return hard(
        "labels_kept",
        wrong == 0,
        wrong,
        0,
        f"{len(lost)} labels of the manifest are lost {lost[:NAMED_LABELS]}, {len(new)} are new {new[:NAMED_LABELS]}, "
        f"{relabeled} images changed their label or split on the way: clear featurize_images",
    )


def reject_share(membership: Membership, limit: float) -> Check:
    """Rejected images among all images; what is no image at all (`ignored_object`) counts on neither side."""
    share = reject_share_of(membership)
    rejected = membership.total("rejects") - membership.total("ignored")
    return hard(
        "reject_share",
        share <= limit,
        share,
        limit,
        f"{rejected} of {membership.total('manifest') - membership.total('ignored')} images were rejected; read the "
        "reasons below, mend the source, or raise max_reject_share if they are to be expected",
    )


def reject_share_of(membership: Membership) -> float:
    """0 where there was nothing that could have been rejected."""
    ignored = membership.total("ignored")
    images = membership.total("manifest") - ignored
    return (membership.total("rejects") - ignored) / images if images else 0.0

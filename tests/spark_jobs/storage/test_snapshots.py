"""Which snapshot a run goes by, and when its vectors may meet the run's own."""

from typing import Any

import pytest

from image_features.errors import DamagedDocumentError, Unavailable
from image_features.storage import objects
from image_features.storage.snapshots import NONE_BEFORE, newest_other, other_vectors, read_identity

IDENTITY = {"backbone": "mobilenet_v2", "weights_sha256": "ab" * 32}


def publish(prefix_uri: str, name: str, run: str, previous: str | None, newest: bool = False) -> dict[str, Any]:
    snapshot = {"snapshot": name, "features_uri": f"{prefix_uri}/{run}/features", "previous": previous}
    objects.write_json(f"{prefix_uri}/published/{name}.json", snapshot)
    if newest:
        objects.write_json(f"{prefix_uri}/published/latest.json", snapshot)
    return snapshot


def seen_by(prefix_uri: str, run: str) -> Any:
    return newest_other(f"{prefix_uri}/published/latest.json", f"{prefix_uri}/{run}/features")


def test_the_newest_snapshot_is_that_of_another_run(prefix_uri: str) -> None:
    assert seen_by(prefix_uri, "one") == Unavailable("nothing is published yet to compare with")
    first = publish(prefix_uri, "a", "one", None, newest=True)
    assert seen_by(prefix_uri, "one") == NONE_BEFORE
    assert seen_by(prefix_uri, "two") == first
    second = publish(prefix_uri, "b", "two", "a", newest=True)
    assert (seen_by(prefix_uri, "two"), seen_by(prefix_uri, "three")) == (first, second)


def test_a_run_that_was_published_twice_is_not_its_own_baseline(prefix_uri: str) -> None:
    first = publish(prefix_uri, "a", "one", None)
    publish(prefix_uri, "b", "two", "a")
    publish(prefix_uri, "c", "two", "b", newest=True)
    assert seen_by(prefix_uri, "two") == first
    publish(prefix_uri, "d", "two", "d", newest=True)
    assert seen_by(prefix_uri, "two") == NONE_BEFORE


def test_a_snapshot_whose_record_is_gone_is_named(prefix_uri: str) -> None:
    publish(prefix_uri, "b", "two", "a", newest=True)
    assert seen_by(prefix_uri, "two") == Unavailable(
        "the published run is this run, and the record of the one before it, a, is gone"
    )


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"snapshot": "a"}'])
def test_a_pointer_that_is_damaged_is_named(prefix_uri: str, content: bytes) -> None:
    objects.write_bytes(f"{prefix_uri}/published/latest.json", content)
    with pytest.raises(DamagedDocumentError, match=r"published/latest\.json: cannot be used: it is no "):
        seen_by(prefix_uri, "one")


def test_the_identity_is_that_of_the_stats(prefix_uri: str) -> None:
    assert read_identity(f"{prefix_uri}/stats") is None
    objects.write_json(f"{prefix_uri}/stats/featurize_images.json", {"details": {"identity": IDENTITY}})
    assert read_identity(f"{prefix_uri}/stats") == IDENTITY


@pytest.mark.parametrize(
    ("published", "identity", "says"),
    [
        (IDENTITY, IDENTITY, ""),
        (IDENTITY, None, "the stats of featurize_images do not say the identity of this run's vectors"),
        (None, IDENTITY, "snapshot a does not say the identity of its vectors"),
        ({**IDENTITY, "engine": "openvino"}, IDENTITY, "(engine openvino there, None here)"),
        ({**IDENTITY, "backbone": "vgg16"}, IDENTITY, "(backbone vgg16 there, mobilenet_v2 here)"),
    ],
)
def test_vectors_may_meet_only_if_all_of_their_identity_is_the_same(published: Any, identity: Any, says: str) -> None:
    reason = other_vectors({"snapshot": "a", "identity": published}, identity)
    assert reason == says if says in ("", reason) else says in reason

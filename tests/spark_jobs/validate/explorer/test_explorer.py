"""The explorer: nearest photographs, maps, a page that fits its limit, and names that cannot become code."""

import base64
import dataclasses
import hashlib
import json
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.neighbors import NearestNeighbors

from image_features.errors import Unavailable
from image_features.validate.evidence.evidence import Sample
from image_features.validate.evidence.nearest import NEAREST, nearest_of
from image_features.validate.explorer import page
from image_features.validate.explorer.maps import FINEST, draw_maps
from image_features.validate.explorer.page import render_explorer, resource, size_without_photographs
from image_features.validate.explorer.photographs import Shown, how_many_fit, photographs_document
from image_features.validate.report.page import VISIBLE
from tests.spark_jobs.synthetic import labelled_vectors, splits_of

HOSTILE = '</script><img src=x onerror="alert(1)">\n\U0001f34e & \u202egpj'


def sample_of(labels: tuple[str, ...] = ("Apple", "Banana", "Cherry"), per_label: int = 30) -> Sample:
    vectors, names = labelled_vectors(labels, per_label, columns=12)
    uris = np.array([f"s3://b/in/{name}/{number:04d}.jpg" for number, name in enumerate(names)], dtype=object)
    return Sample(vectors, uris, names, splits_of(names))


def looks_of(sample: Sample, thumbnail: bytes = b"RIFF-webp") -> pa.Table:
    count = len(sample.uris)
    return pa.table({"width_px": [40] * count, "height_px": [30] * count, "thumbnail": [thumbnail] * count})


def shown(sample: Sample, **changes: Any) -> Shown:
    count = len(sample.uris)
    whole = Shown(
        sample=sample,
        looks=looks_of(sample),
        maps=draw_maps(sample.vectors, sample.labels),
        nearest=nearest_of(sample.vectors, 0, count),
        groups=np.arange(count) // 2 * 2,
        notes={3: "perhaps Fig"},
        is_new=np.arange(count) < 5,
        images=count,
    )
    return dataclasses.replace(whole, **changes)


def document_in(html: str) -> dict[str, Any]:
    (data,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', html, re.DOTALL)
    found: dict[str, Any] = json.loads(data)
    return found


def test_copies_of_one_photograph_for_each_label_have_no_map_of_labels() -> None:
    vectors = np.repeat(np.eye(3), 2, axis=0)
    maps = draw_maps(vectors, np.array(["a", "a", "b", "b", "c", "c"], dtype=object))
    assert [one.name for one in maps] == ["Components"]


@pytest.mark.parametrize("rows", [1_500, 5])
def test_the_nearest_are_those_of_scikit_learn(rows: int) -> None:
    vectors = (np.random.default_rng(1).normal(size=(rows, 20)) + 100).astype(np.float32)
    count = min(NEAREST, rows - 1)
    model = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(vectors.astype(np.float64))
    expected = model.kneighbors(return_distance=False)
    found = np.concatenate([nearest_of(vectors, 0, rows // 2), nearest_of(vectors, rows // 2, rows)])
    assert found.shape == (rows, count)
    assert (found == expected).mean() > 0.999


def test_more_rows_than_16_bits_number_are_refused() -> None:
    with pytest.raises(ValueError, match="65,537 rows are more"):
        nearest_of(np.zeros((65_537, 1), np.float32), 0, 1)


def test_the_map_of_labels_keeps_them_further_apart_than_the_components() -> None:
    vectors, names = labelled_vectors(("Apple", "Banana", "Cherry", "Date"), 50, apart=1.5)
    # What differs most has nothing to do with labels.
    vectors[:, 0] = np.random.default_rng(0).normal(size=len(vectors)) * 50
    components, labels = draw_maps(vectors, names)
    assert (components.name, labels.name) == ("Components", "Labels")

    def separation(places: np.ndarray) -> float:
        centres = np.stack([places[names == name].mean(axis=0) for name in set(names)])
        spread = np.mean([places[names == name].std() for name in set(names)])
        return float(centres.std() / spread)

    assert separation(labels.places) > 2 * separation(components.places)
    for drawn in (components, labels):
        assert (drawn.places.min() >= 0, drawn.places.max() <= FINEST) == (True, True)


@pytest.mark.parametrize("labels", [(), ("Apple",), ("Apple", "Banana")])
def test_few_labels_and_one_component_make_one_map(labels: tuple[str, ...]) -> None:
    sample = sample_of(labels or ("Apple",), 4)
    names = sample.labels if labels else np.full(4, None, dtype=object)
    (drawn,) = draw_maps(sample.vectors[:, :1], names)
    assert drawn.places.shape == (len(names), 2)
    assert len(draw_maps(np.ones((1, 3), np.float32), np.array(["Apple"], dtype=object))) == 1


def test_the_page_has_what_is_known_of_each_photograph() -> None:
    sample = sample_of()
    sample.labels[0], sample.splits[0] = None, None
    found = document_in(render_explorer("s3://b/runs/one", photographs_document(shown(sample), VISIBLE)))
    assert (found["count"], found["folder"], found["paths"][1]) == (90, "s3://b/in", "Apple/0001.jpg")
    assert [found["labels"][number] for number in found["label"]][:31] == ["no label", *["Apple"] * 29, "Banana"]
    assert [found["splits"][number] for number in found["split"]][:3] == ["no split", "Training", "Test"]
    nearest = np.frombuffer(base64.b64decode(found["nearest"]), "<u2").reshape(90, found["each"])
    np.testing.assert_array_equal(nearest, nearest_of(sample.vectors, 0, 90))
    assert (found["groups"][:4], found["notes"], found["new"]) == ([0, 0, 1, 1], {"3": "perhaps Fig"}, [0, 1, 2, 3, 4])
    assert base64.b64decode(found["thumbnails"][7]) == b"RIFF-webp"


def test_what_is_not_known_is_said() -> None:
    unknown = shown(sample_of(), groups=None, is_new=Unavailable("nothing is published yet"))
    found = photographs_document(unknown, VISIBLE)
    assert (found["groups"], found["new"], found["whyNoNew"]) == (None, None, "nothing is published yet")


def test_a_group_of_one_among_those_that_are_shown_is_none() -> None:
    found = photographs_document(shown(sample_of(), groups=np.arange(90)), VISIBLE)
    assert set(found["groups"]) == {-1}


def test_a_hostile_name_stays_text_and_only_the_pages_own_scripts_may_run() -> None:
    sample = sample_of((HOSTILE, "Banana", "Cherry"))
    html = render_explorer(f"s3://b/runs/{HOSTILE}", photographs_document(shown(sample, notes={0: HOSTILE}), VISIBLE))
    assert "<img src=x" not in html
    found = document_in(html)
    assert found["labels"][0] == HOSTILE.replace("\u202e", "\ufffd") == found["notes"]["0"]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert scripts == [resource("libraries.js"), resource("explorer.js")]
    allowed = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts]
    assert f"script-src {' '.join(allowed)};" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_the_page_takes_as_many_photographs_as_fit() -> None:
    sample = sample_of(per_label=300)
    looks = looks_of(sample, bytes(range(256)) * 3)
    most = size_without_photographs() + 500_000
    count = how_many_fit(sample, looks, most - size_without_photographs())
    assert 0 < count < 900
    some = Sample(*(getattr(sample, name)[:count] for name in ("vectors", "uris", "labels", "splits")))
    html = render_explorer("s3://b/runs/one", photographs_document(shown(some, looks=looks.slice(0, count)), VISIBLE))
    assert 0.9 * most < len(html.encode()) <= most
    assert how_many_fit(sample, looks, 10**9) == 900


def test_the_libraries_are_those_that_were_bundled_and_make_no_code_of_text() -> None:
    text = resource("libraries.js")
    assert resource("libraries.js.sha256").split()[0] == hashlib.sha256(text.encode()).hexdigest()
    assert not re.search(r"\beval\(|new Function\(|</script", text)
    assert "@deck.gl/core" in resource("libraries.LICENSES.txt")
    assert page.size_without_photographs() < 1_000_000

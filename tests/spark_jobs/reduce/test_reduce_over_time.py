"""The stage `reduce_features`, one run after another: rows are counted, and models are used again or fitted again."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from image_features.reduce.gram import gram_of
from image_features.reduce.model_choice import CannotProjectError
from image_features.reduce.pca import drift_of, fit_pca, on_rows, project
from image_features.storage import objects
from tests.spark_jobs.published_runs import COMPONENTS, IDENTITY, Runs, changed, photographs


@pytest.fixture
def runs(spark: SparkSession, prefix_uri: str) -> Runs:
    return Runs(spark, prefix_uri)


def vectors_of(table: Any) -> np.ndarray:
    """In the order of image_id."""
    order = np.argsort(table.column("image_id").to_pylist())
    return np.array(table.column("features").to_pylist(), np.float32)[order]


def later(rows: int = 330) -> Any:
    """300 photographs later: 30 more, 3 changed, 2 removed."""
    return changed(photographs(rows), [3, 14, 15]).slice(2)


@pytest.mark.slow
def test_a_refit_is_of_all_rows_and_counts_what_changed_since_the_snapshot(runs: Runs) -> None:
    runs.publish_first(300)
    stats = runs.reduce("two", later())
    model = stats.details["model"]
    assert (model["added"], model["removed"], stats.rows_in, stats.rows_out) == (33, 5, 328, 328)
    assert (model["action"], model["fitted_in"]) == ("refit", f"{runs.prefix_uri}/runs/two")
    assert (model["rows_fitted"], model["added_share_since_fit"], model["drift"]) == (328, 0.0, None)
    fitted = fit_pca(gram_of(vectors_of(later())), COMPONENTS)
    expected = project(vectors_of(later()), fitted.mean, fitted.projection)
    np.testing.assert_allclose(runs.pca_features("two"), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_an_image_whose_etag_is_not_known_on_both_sides_has_not_changed(runs: Runs) -> None:
    def without_etag(table: Any) -> Any:
        etags = [None, *table.column("etag").to_pylist()[1:]]
        return table.set_column(table.schema.get_field_index("etag"), "etag", pa.array(etags, pa.string()))

    runs.publish("one", runs.reduce("one", without_etag(photographs(60))))
    model = runs.reduce("two", without_etag(photographs(61))).details["model"]
    assert (model["added"], model["removed"]) == (1, 0)


@pytest.mark.slow
def test_where_the_published_features_are_gone_all_rows_are_new(runs: Runs) -> None:
    runs.publish_first(300, features_uri="s3://stage-tests/gone")
    model = runs.reduce("two", photographs(61)).details["model"]
    assert (model["added"], model["removed"]) == (61, 0)


@pytest.mark.slow
def test_a_projecting_run_uses_the_published_model_on_all_rows_and_keeps_a_copy(runs: Runs) -> None:
    first = runs.publish_first(300)
    stats = runs.reduce("two", later(), "project")
    fitted = fit_pca(gram_of(vectors_of(photographs(300))), COMPONENTS)
    expected = project(vectors_of(later()), fitted.mean, fitted.projection)
    np.testing.assert_allclose(runs.pca_features("two"), expected, atol=1e-6)
    one = first.details["model"]["fitted_in"]
    copy, original = (PipelineModel.load(uri) for uri in (runs.uri("two", "model"), f"{one}/model"))
    np.testing.assert_array_equal(copy.stages[1].pc.toArray(), original.stages[1].pc.toArray())  # type: ignore[attr-defined]
    np.testing.assert_array_equal(copy.stages[0].std.toArray(), original.stages[0].std.toArray())  # type: ignore[attr-defined]
    model, standing = stats.details["model"], on_rows(fitted, gram_of(vectors_of(later())))
    assert (model["action"], model["fitted_in"], model["rows_fitted"]) == (
        "project",
        one,
        300,
    )
    assert model["drift"] == pytest.approx(drift_of(standing), rel=1e-6)
    assert (model["added_since_fit"], model["added_share_since_fit"]) == (33, pytest.approx(33 / 328))
    assert stats.details["rows"] == 328
    np.testing.assert_allclose(stats.details["explained_variance_ratio"], standing.explained_variance_ratio, rtol=1e-6)
    assert stats.details["explained_variance"] != first.details["explained_variance"]


@pytest.mark.slow
def test_the_share_of_new_rows_adds_up_over_projecting_runs_until_auto_refits(runs: Runs) -> None:
    runs.publish_first(300)
    stats = runs.reduce("two", photographs(320), "auto", refit_drift=1.0)
    assert stats.details["model"]["action"] == "project"
    runs.publish("two", stats, "snapshot-one")
    stats = runs.reduce("three", photographs(340), "auto", refit_drift=1.0)
    model = stats.details["model"]
    assert model["action"] == "refit"
    assert model["why"].startswith("11.8% of the rows were added since the last model was fitted, above 10.0%")
    assert (model["added"], model["added_since_fit"], model["fitted_in"]) == (20, 0, f"{runs.prefix_uri}/runs/three")


@pytest.mark.slow
def test_auto_refits_when_the_model_keeps_too_little(runs: Runs) -> None:
    runs.publish_first(300)
    moved = changed(photographs(300), list(range(20)), seed=99)
    near = runs.reduce("two", moved, "auto", refit_drift=1.0).details["model"]
    assert (near["action"], near["drift"] > 0) == ("project", True)
    far = runs.reduce_again("two", "auto", refit_drift=near["drift"] / 2).details["model"]
    assert (far["action"], far["drift"]) == ("refit", pytest.approx(near["drift"]))
    assert "less variance than a new one" in far["why"]


OTHER = {**IDENTITY, "backbone": "resnet50"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "asked", "says"),
    [
        ({"identity": OTHER}, {}, "backbone resnet50 there, mobilenet_v2 here"),
        ({"identity": ..., "model": ..., "params": ...}, {}, "does not say the identity of its vectors"),
        ({"model": None}, {}, "does not say where its model was fitted"),
        ({"model_uri": "s3://stage-tests/gone"}, {}, "the model of snapshot snapshot-one does not load"),
        ({}, {"pca_components": COMPONENTS - 1}, f"{COMPONENTS - 1} components are asked for"),
        ({}, {"pca_components": None, "explained_variance": 0.9}, "an explained variance of 0.9 is asked for"),
    ],
    ids=["other backbone", "version 1", "no history", "no model", "other number", "other share"],
)
def test_where_projecting_cannot_be_project_is_refused_and_auto_refits(
    runs: Runs, changes: dict[str, Any], asked: dict[str, Any], says: str
) -> None:
    runs.publish_first(300, **changes)
    with pytest.raises(CannotProjectError, match=says) as caught:
        runs.reduce("two", photographs(301), "project", **asked)
    assert "use --reduce refit, or auto" in str(caught.value)
    assert not list(objects.list_objects(runs.uri("two", "pca_features")))
    model = runs.reduce_again("two", "auto", **asked).details["model"]
    assert model["action"] == "refit"
    assert says in model["why"]
    assert model["added"] == 1


def test_with_nothing_published_project_is_refused(runs: Runs) -> None:
    with pytest.raises(CannotProjectError, match="nothing is published yet"):
        runs.reduce("one", photographs(50), "project")


@pytest.mark.slow
def test_a_published_run_that_is_reduced_again_goes_by_the_snapshot_before_it(runs: Runs) -> None:
    runs.publish_first(300)
    first = runs.reduce("two", photographs(305))
    runs.publish("two", first, "snapshot-one")
    again = runs.reduce_again("two")
    assert again.details["model"] == first.details["model"]
    assert (again.details["model"]["added"], again.details["model"]["removed"]) == (5, 0)

"""The stage `reduce_features`, one run after another: the Gram brought up to date, models used again, and when not."""

from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

import image_features.reduce.run_gram as run_gram
from image_features.reduce.drift import drift_of, on_rows
from image_features.reduce.gram import gram_of
from image_features.reduce.kept_gram import KeptGram, from_npz
from image_features.reduce.model_choice import CannotProjectError
from image_features.reduce.pca import fit_pca, project
from image_features.reduce.spark_model import load_model
from image_features.storage import objects
from image_features.storage.vector_columns import to_list_column
from tests.spark_jobs.published_runs import COMPONENTS, IDENTITY, Runs, changed, photographs


@pytest.fixture
def runs(spark: SparkSession, prefix_uri: str) -> Runs:
    return Runs(spark, prefix_uri)


def kept_gram(runs: Runs, run: str) -> KeptGram:
    uri = runs.uri(run, "gram/gram.npz")
    return from_npz(objects.read_bytes(uri), uri)


def vectors_of(table: Any) -> np.ndarray:
    """In the order of image_id."""
    order = np.argsort(table.column("image_id").to_pylist())
    return np.array(table.column("features").to_pylist(), np.float32)[order]


def later(rows: int = 330) -> Any:
    """300 photographs later: 30 more, 3 changed, 2 removed."""
    return changed(photographs(rows), [3, 14, 15]).slice(2)


def test_a_refit_on_an_updated_gram_gives_what_a_run_from_scratch_gives(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.publish("one", runs.reduce("one", photographs(300)))
    read: list[int] = []
    gram_of_column = run_gram.gram_of_column

    def counted(frame: DataFrame, column: str) -> Any:
        gram = gram_of_column(frame, column)
        read.append(gram.rows)
        return gram

    monkeypatch.setattr(run_gram, "gram_of_column", counted)
    stats = runs.reduce("two", later())
    assert read == [33, 5]
    model = stats.details["model"]
    assert (model["gram"], model["gram_updates"], model["added"], model["removed"]) == ("updated", 1, 33, 5)
    assert (model["action"], model["fitted_in"]) == ("refit", f"{runs.prefix_uri}/runs/two")
    assert (model["rows_fitted"], model["added_share_since_fit"], model["drift"]) == (328, 0.0, None)
    assert "snapshot-one, 33 rows added and 5 removed" in model["gram_why"]
    scratch = Runs(runs.spark, f"{runs.prefix_uri}/scratch")
    from_scratch = scratch.reduce("two", later())
    assert from_scratch.details["model"]["gram"] == "full"
    np.testing.assert_allclose(runs.pca_features("two"), scratch.pca_features("two"), atol=1e-6)
    assert stats.details["explained_variance_ratio"] == pytest.approx(
        from_scratch.details["explained_variance_ratio"], rel=1e-9
    )
    assert (stats.rows_in, stats.rows_out) == (328, 328)


def test_three_runs_on_the_gram_counts_its_updates(runs: Runs) -> None:
    previous = None
    for number, table in enumerate((photographs(300), photographs(320), photographs(340).slice(10))):
        stats = runs.reduce(f"run{number}", table)
        runs.publish(f"run{number}", stats, previous)
        previous = f"snapshot-run{number}"
    kept, full = kept_gram(runs, "run2"), gram_of(vectors_of(photographs(340).slice(10)))
    assert (kept.updates, kept.gram.rows, kept.features_uri) == (2, 330, runs.uri("run2", "features"))
    assert kept.identity == IDENTITY
    deviations = np.sqrt(np.maximum(np.diagonal(full.scatter), 1e-300))
    differences = np.abs(kept.gram.scatter - full.scatter) / np.outer(deviations, deviations)
    assert differences[np.ix_(deviations > 1e-100, deviations > 1e-100)].max() < 1e-9


def test_a_projecting_run_uses_the_published_model_on_all_rows_and_keeps_a_copy(runs: Runs) -> None:
    first = runs.reduce("one", photographs(300))
    runs.publish("one", first)
    stats = runs.reduce("two", later(), "project")
    fitted = fit_pca(gram_of(vectors_of(photographs(300))), COMPONENTS)
    expected = project(vectors_of(later()), fitted.mean, fitted.projection)
    np.testing.assert_allclose(runs.pca_features("two"), expected, atol=1e-6)
    copy, original = (load_model(runs.uri(run, "model")) for run in ("two", "one"))
    np.testing.assert_array_equal(copy.stages[1].pc.toArray(), original.stages[1].pc.toArray())  # type: ignore[attr-defined]
    np.testing.assert_array_equal(copy.stages[0].std.toArray(), original.stages[0].std.toArray())  # type: ignore[attr-defined]
    model, standing = stats.details["model"], on_rows(fitted, gram_of(vectors_of(later())))
    assert (model["action"], model["fitted_in"], model["rows_fitted"]) == (
        "project",
        f"{runs.prefix_uri}/runs/one",
        300,
    )
    assert model["drift"] == pytest.approx(drift_of(standing), rel=1e-6)
    assert (model["added_since_fit"], model["added_share_since_fit"]) == (33, pytest.approx(33 / 328))
    assert stats.details["rows"] == 328
    np.testing.assert_allclose(stats.details["explained_variance_ratio"], standing.explained_variance_ratio, rtol=1e-6)
    assert stats.details["explained_variance"] != first.details["explained_variance"]


def test_the_share_of_new_rows_adds_up_over_projecting_runs_until_auto_refits(runs: Runs) -> None:
    runs.publish("one", runs.reduce("one", photographs(300)))
    stats = runs.reduce("two", photographs(320), "auto", refit_drift=1.0)
    assert stats.details["model"]["action"] == "project"
    runs.publish("two", stats, "snapshot-one")
    stats = runs.reduce("three", photographs(340), "auto", refit_drift=1.0)
    model = stats.details["model"]
    assert model["action"] == "refit"
    assert model["why"].startswith("11.8% of the rows were added since the last model was fitted, above 10.0%")
    assert (model["added"], model["added_since_fit"], model["fitted_in"]) == (20, 0, f"{runs.prefix_uri}/runs/three")


def test_auto_refits_when_the_model_keeps_too_little(runs: Runs) -> None:
    runs.publish("one", runs.reduce("one", photographs(300)))
    moved = changed(photographs(300), list(range(20)), seed=99)
    near = runs.reduce("two", moved, "auto", refit_drift=1.0).details["model"]
    assert (near["action"], near["drift"] > 0) == ("project", True)
    far = runs.reduce_again("two", "auto", refit_drift=near["drift"] / 2).details["model"]
    assert (far["action"], far["drift"]) == ("refit", pytest.approx(near["drift"]))
    assert "less variance than a new one" in far["why"]


OTHER = {**IDENTITY, "backbone": "resnet50"}


@pytest.mark.parametrize(
    ("changes", "asked", "says"),
    [
        ({"identity": OTHER}, {}, "backbone resnet50 there, mobilenet_v2 here"),
        ({"identity": ..., "model": ..., "gram_uri": ..., "params": ...}, {}, "does not say what its vectors are of"),
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
    runs.publish("one", runs.reduce("one", photographs(120)), **changes)
    with pytest.raises(CannotProjectError, match=says) as caught:
        runs.reduce("two", photographs(121), "project", **asked)
    assert "use --reduce refit, or auto" in str(caught.value)
    assert not list(objects.list_objects(runs.uri("two", "pca_features")))
    model = runs.reduce_again("two", "auto", **asked).details["model"]
    assert model["action"] == "refit"
    assert says in model["why"]
    # A Gram of other vectors is never brought up to date; one of the same is, whatever became of the model.
    assert model["gram"] == ("full" if "identity" in changes else "updated")
    assert model["added"] == 1


def test_with_nothing_published_project_is_refused(runs: Runs) -> None:
    with pytest.raises(CannotProjectError, match="nothing is published yet"):
        runs.reduce("one", photographs(50), "project")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"gram_uri": ...}, "keeps no Gram matrix"),
        ({"gram_uri": "s3://stage-tests/gone"}, "there is no such object"),
        ({"features_uri": "s3://stage-tests/gone"}, "cannot be read"),
    ],
)
def test_without_a_gram_to_bring_up_to_date_all_rows_are_read(runs: Runs, damage: dict[str, Any], says: str) -> None:
    runs.publish("one", runs.reduce("one", photographs(100)), **damage)
    model = runs.reduce("two", photographs(110)).details["model"]
    assert (model["gram"], model["gram_updates"]) == ("full", 0)
    assert says in model["gram_why"]


def test_a_gram_of_other_features_than_the_snapshots_is_not_used(runs: Runs) -> None:
    runs.publish("one", runs.reduce("one", photographs(100)))
    runs.reduce("other", photographs(90))
    runs.publish("one", runs.reduce_again("one"), gram_uri=runs.uri("other", "gram"))
    model = runs.reduce("two", photographs(110)).details["model"]
    assert "is of other vectors than those of snapshot snapshot-one" in model["gram_why"]


def test_when_too_much_is_gone_or_was_updated_all_rows_are_read(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.publish("one", runs.reduce("one", photographs(100)))
    model = runs.reduce("two", photographs(100).slice(26)).details["model"]
    assert (model["gram"], model["removed"]) == ("full", 26)
    assert "26 of 100 rows are gone" in model["gram_why"]
    monkeypatch.setattr(run_gram, "MOST_UPDATES", 0)
    model = runs.reduce("two", photographs(110)).details["model"]
    assert model["gram_why"].endswith("updated 0 times since all rows were read")


def test_a_column_that_only_a_removed_row_varied_in_is_dead_and_not_blown_up(runs: Runs) -> None:
    lone = photographs(100)
    vectors = np.array(lone.column("features").to_pylist(), np.float32)
    vectors[:, 9] = 0.25
    vectors[17, 9] = 3.1
    lone = lone.set_column(lone.schema.get_field_index("features"), "features", to_list_column(vectors))
    runs.publish("one", runs.reduce("one", lone))
    without = lone.slice(18)
    stats = runs.reduce("two", without)
    assert "the rest is rounding" in stats.details["model"]["gram_why"]
    assert load_model(runs.uri("two", "model")).stages[0].std.toArray()[9] == 0  # type: ignore[attr-defined]


def test_a_published_run_that_is_reduced_again_goes_by_the_snapshot_before_it(runs: Runs) -> None:
    runs.publish("one", runs.reduce("one", photographs(100)))
    first = runs.reduce("two", photographs(105))
    runs.publish("two", first, "snapshot-one")
    again = runs.reduce_again("two")
    assert again.details["model"] == first.details["model"]
    assert (again.details["model"]["gram"], again.details["model"]["added"]) == ("updated", 5)

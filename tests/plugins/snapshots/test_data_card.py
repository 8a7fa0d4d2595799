"""The data card says what is known of a snapshot, says what is not, and no name in it becomes markup."""

from typing import Any

from emr_pipeline.snapshots.data_card import data_card

SNAPSHOT: dict[str, Any] = {
    "snapshot": "abc",
    "run": "first",
    "published_at": "2026-11-27T10:00:00Z",
    "source_uri": "s3://b/landing/fruits",
    "licence": "CC BY 4.0",
    "features_uri": "s3://b/runs/first/features",
    "pca_features_uri": "s3://b/runs/first/pca_features",
    "code_version": "v1",
    "identity": {"backbone": "mobilenet_v2", "weights_sha256": "ab" * 32},
    "summary": {
        "objects": 9100,
        "images": 9000,
        "labels": 42,
        "rejects": 90,
        "reject_share": 0.01,
        "images_by_label": {"Apple": 5000, "Fig|<b>\nX": 10},
        "dimension": 1280,
        "components": 200,
        "explained_variance": 0.913,
        "weights": {"source": "imagenet", "sha256": "ab" * 32, "pretrained": True},
        "linear_probe_accuracy": 0.99,
        "grouped_linear_probe_accuracy": 0.71,
        "near_duplicates": {"least": 0.95, "pairs": 10, "groups": 3, "grouped": 7, "test": 1271, "leaked": 775},
        "suspects": 12,
        "flaws": {"dark": 3, "odd_size": 1},
        "model": {"action": "project", "drift": 0.013},
    },
}
VALIDATION = {"checks": [{"name": "split_leaks", "verdict": "warned", "advice": "use leak_free_split"}]}


def test_the_card_says_what_is_known() -> None:
    card = data_card(SNAPSHOT, VALIDATION)
    assert card.startswith('---\npretty_name: "fruit-features: first"\nlicense: other\nlicense_name: "CC BY 4.0"\n')
    assert "Feature vectors of 9,000 photographs with 42 labels" in card
    assert "| licence of the photographs | CC BY 4.0 |" in card
    assert "| rejects | 90 (1.0%) |" in card
    assert "| weights | imagenet |" in card and "| backbone | mobilenet_v2 |" in card
    assert f"| weights sha256 | {'ab' * 32} |" in card
    assert "Of 1,271 images of Test, 775 have one in Training." in card
    assert "99.0% with the splits as they are" in card and "71.0% with near-duplicates kept together" in card
    assert "- Doubtful labels: 12;" in card
    assert "- Flawed photographs: 3 dark, 1 odd size." in card
    assert "- Drift: the model keeps 1.3% less variance than a new one would." in card
    assert "- `split_leaks`: use leak_free_split" in card
    assert "| Apple | 5,000 |" in card and "40 more labels are not listed." in card


def test_the_features_are_loaded_by_one_line() -> None:
    (line,) = [line for line in data_card(SNAPSHOT, VALIDATION).splitlines() if "load_dataset" in line]
    files = "s3://b/runs/first/pca_features/*.parquet"
    assert line == f'features = datasets.load_dataset("parquet", data_files="{files}", split="train")'


def test_a_name_is_one_line_and_no_markup() -> None:
    card = data_card({**SNAPSHOT, "run": "<i> `x` ~y~", "licence": "# <script>\n"}, VALIDATION)
    assert "| Fig\\|&lt;b&gt; X | 10 |" in card
    assert "# &lt;i&gt; \\`x\\` \\~y\\~" in card
    assert "<script>" not in card.split("---\n")[2]


def test_what_is_not_known_is_said_and_not_made_up() -> None:
    card = data_card({**SNAPSHOT, "summary": {}, "licence": None}, {})
    assert "not stated: set the param licence" in card
    assert "Feature vectors of not known photographs" in card
    assert "- Doubtful labels: not known;" in card and "Drift" not in card
    assert "Near-duplicates" not in card and "## Labels" not in card
    assert "## Checks that warned\n\nNone." in card


def test_the_drift_of_a_model_that_was_fitted_anew_is_not_that_of_the_old_one() -> None:
    refitted = {**SNAPSHOT["summary"], "model": {"action": "refit", "drift": 0.2}}
    assert "Drift" not in data_card({**SNAPSHOT, "summary": refitted}, VALIDATION)


def test_random_weights_are_called_so() -> None:
    weights = {"source": "random:0", "sha256": None, "pretrained": False}
    card = data_card({**SNAPSHOT, "summary": {**SNAPSHOT["summary"], "weights": weights}}, VALIDATION)
    assert "random:0, not pretrained" in card

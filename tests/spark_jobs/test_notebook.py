"""The notebook: it runs from top to bottom on a published snapshot, and is kept without outputs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from image_features.images.look import look_of
from tests.spark_jobs.synthetic import image_id, labelled_vectors, splits_of

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "explore_features.ipynb"


def publish(bucket: Path) -> None:
    """Three labels of 30 images, of which the leak-free split leaves out half of Test."""
    vectors, names = labelled_vectors(per_label=30, columns=8)
    splits = splits_of(names)
    pixels = np.full((224, 224, 3), 200, np.uint8)
    look = {**vars(look_of(pixels, 40, 30))}
    rows = {
        "pca_features": [
            {"image_id": image_id(str(n)), "label": name, "split": split, "pca_features": vector}
            for n, (name, split, vector) in enumerate(zip(names, splits, vectors.tolist(), strict=True))
        ],
        "groups": [
            {"image_id": image_id(str(n)), "group": None, "leak_free_split": split if n % 2 else "Training"}
            for n, split in enumerate(splits)
        ],
        "looks": [{"image_id": image_id(str(n)), **look} for n in range(len(names))],
    }
    for name, of_dataset in rows.items():
        folder = bucket / "runs" / "one" / name
        folder.mkdir(parents=True)
        pd.DataFrame(of_dataset).to_parquet(folder / "part-0.parquet")
    (bucket / "published").mkdir()
    snapshot = {f"{name}_uri": f"s3://fruit-features/runs/one/{name}" for name in rows}
    (bucket / "published" / "latest.json").write_text(json.dumps({"snapshot": "abc", **snapshot}))


def read_notebook() -> Any:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not in this environment: make setup")
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not in this environment: make setup")
    publish(tmp_path)
    monkeypatch.setenv("BUCKET", str(tmp_path))
    notebook = read_notebook()
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    assert "snapshot abc: 90 images, 8 components" in text
    accuracies = [float(line.rpartition(":")[2]) for line in text.splitlines() if line.startswith("accuracy with")]
    assert len(accuracies) == 2 and min(accuracies) > 0.8
    look_alikes = [line for line in text.splitlines() if "->" in line]
    assert [line.partition(" ")[0] for line in look_alikes] == ["Apple", "Banana", "Cherry"]
    assert all(line.count(f"'{line.partition(' ')[0]}'") >= 4 for line in look_alikes)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    kept = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(kept) > 3
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in kept)

"""A labels file of this machine lies in the bucket under its content before a run begins."""

from pathlib import Path

import pytest

from tools.data.one_file import bring_labels
from tools.errors import LabelsFileError
from tools.local.home import LocalHome


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalHome:
    monkeypatch.setenv("LOCAL_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return LocalHome.from_environment()


def test_a_file_has_the_uri_of_its_content_and_another_content_another(home: LocalHome, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("path,label\n")
    first = bring_labels(str(path), home)
    assert bring_labels(str(path), home) == first
    path.write_text("path,label\na/1.jpg,Fig\n")
    second = bring_labels(str(path), home)
    assert first is not None
    assert second is not None
    assert first != second
    brought = home.bucket_path / second.removeprefix("s3://fruit-features/")
    assert (brought.name, brought.read_text()) == ("labels.csv", "path,label\na/1.jpg,Fig\n")


def test_a_uri_and_no_file_stay_what_they_are_and_a_missing_file_is_named(home: LocalHome) -> None:
    assert bring_labels(None, home) is None
    assert bring_labels("s3://b/labels.csv", home) == "s3://b/labels.csv"
    with pytest.raises(LabelsFileError, match=r"LABELS=no-such\.csv: no such file; give a CSV or Parquet file"):
        bring_labels("no-such.csv", home)

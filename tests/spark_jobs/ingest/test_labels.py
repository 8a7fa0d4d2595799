"""Labels of a listing: by the pattern, by the labels file, and what is refused when the listing is over."""

import io
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from image_features.errors import ArgumentError
from image_features.ingest import labels as module
from image_features.ingest.arguments import parse_ingest_arguments
from image_features.ingest.labels import (
    Labels,
    LabelsFileError,
    PatternError,
    PatternMatchesNothingError,
    read_labels,
)
from run_contract.labels import Correction, Facts
from run_contract.stages import INGEST, stage_named

SOURCE = "s3://lake/fruits"
KIND = r"(?P<label>[a-z]+)_\d+\.jpg"


def labels_of(content: bytes, monkeypatch: pytest.MonkeyPatch) -> Labels:
    places = [word for place in stage_named(INGEST).places() for word in (place.option, "s3://b/x")]
    monkeypatch.setattr(module.objects, "read_bytes", lambda _: content)
    return read_labels(parse_ingest_arguments([*places, "--source-uri", SOURCE, "--labels", "s3://b/labels.csv"]))


def facts_of(labels: Labels, *paths: str) -> Mapping[str, Facts | None]:
    return {path: labels.facts(f"{SOURCE}/{path}") for path in paths}


def test_a_labels_file_goes_before_the_path_and_leaves_the_rest_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        "path,label,split,group,exclude",
        "Test/Fig/1.jpg,Date,,tree,",
        "Test/Fig/2.jpg,,train,,no",
        "a/3.jpg,,,,yes",
    ]
    # As a spreadsheet saves it.
    labels = labels_of("\r\n".join(["\ufeff" + rows[0], *rows[1:]]).encode(), monkeypatch)
    assert facts_of(labels, "Test/Fig/1.jpg", "Test/Fig/2.jpg", "Test/Fig/9.jpg", "a/3.jpg") == {
        "Test/Fig/1.jpg": Facts("Date", "Test", "tree"),
        "Test/Fig/2.jpg": Facts("Fig", "Training"),
        "Test/Fig/9.jpg": Facts("Fig", "Test"),
        "a/3.jpg": None,
    }
    labels.check_all_used()


def test_parquet_says_the_same_as_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"path": ["a/1.jpg", "a/2.jpg"], "label": ["Fig <b>\U0001f34e", None], "exclude": [False, True]})
    content = io.BytesIO()
    pq.write_table(table, content)
    labels = labels_of(content.getvalue(), monkeypatch)
    assert facts_of(labels, "a/1.jpg", "a/2.jpg") == {"a/1.jpg": Facts("Fig <b>\U0001f34e"), "a/2.jpg": None}


def test_a_damaged_parquet_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"path": [f"a/{number}.jpg" for number in range(200)]}), file)
    content = bytearray(file.getvalue())
    content[20:60] = b"\xff" * 40
    with pytest.raises(LabelsFileError, match=r"^s3://b/labels\.csv: .+; correct the file"):
        labels_of(bytes(content), monkeypatch)


@pytest.mark.parametrize("content", [b"path,label\na/1.jpg,x\na/1.jpg,y\n", b"PAR1 and no more", b"path\n\xff\n"])
def test_a_file_that_cannot_be_used_is_named(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabelsFileError, match=r"^s3://b/labels\.csv: .+; correct the file"):
        labels_of(content, monkeypatch)


def test_paths_that_are_not_below_the_source_are_counted_and_named() -> None:
    labels = Labels(
        SOURCE, "parent", {path: Correction(Facts("x"), False) for path in ("a/1.jpg", "a/2.jpg")}, "s3://b/l"
    )
    facts_of(labels, "a/2.jpg")
    with pytest.raises(LabelsFileError, match=r"1 paths are not below s3://lake/fruits, the first of them 'a/1\.jpg'"):
        labels.check_all_used()
    labels.unknown_labels = "warn"
    assert labels.check_all_used() == 1


def test_a_pattern_that_matches_nothing_is_refused_when_the_listing_is_over() -> None:
    labels = Labels(SOURCE, KIND)
    assert facts_of(labels, "a/fig_1.jpg") == {"a/fig_1.jpg": Facts()}
    with pytest.raises(PatternMatchesNothingError, match=r"gives no object .* 'a/fig_1\.jpg'"):
        labels.check_all_used()
    facts_of(labels, "fig_1.jpg")
    assert labels.check_all_used() == 0


def test_an_unknown_split_names_pattern_and_path() -> None:
    labels = Labels(SOURCE, r"(?P<split>\w+)/(?P<label>\w+)/.*")
    with pytest.raises(PatternError, match=r"path 'dev/fig/1\.jpg': the split 'dev' is unknown"):
        facts_of(labels, "dev/fig/1.jpg")


@pytest.mark.parametrize("pattern", ["(?P<label>", "(?P<name>.*)", "kind"])
def test_a_pattern_that_is_none_is_refused_on_the_command_line(pattern: str) -> None:
    places = [word for place in stage_named(INGEST).places() for word in (place.option, "s3://b/x")]
    with pytest.raises(ArgumentError, match=r"--label-pattern"):
        parse_ingest_arguments([*places, "--source-uri", SOURCE, "--label-pattern", pattern])

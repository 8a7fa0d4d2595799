"""The code that is staged: whole, reproducible, and under a version that changes with it."""

import io
import zipfile
from pathlib import Path

import pytest

from emr_pipeline.errors import CodeNotFoundError
from emr_pipeline.run.code_bundle import bootstrap_scripts, gather_code

STAGES = ["ingest_images", "validate_run"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, content in {
        "spark_jobs/ingest_images.py": "ingest",
        "spark_jobs/validate_run.py": "validate",
        "spark_jobs/not_a_stage.py": "no",
        "spark_jobs/image_features/__init__.py": "library",
        "spark_jobs/image_features/report/template.html": "<html>",
        "spark_jobs/image_features/__pycache__/x.cpython-311.pyc": "compiled",
        "spark_jobs/image_features/.DS_Store": "finder",
        "run_contract/params.py": "params",
        "bootstrap/10_python.sh": "#!/bin/sh",
        "bootstrap/requirements.txt": "numpy",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


def test_a_bundle_holds_entry_points_library_and_bootstrap_and_nothing_else(repository: Path) -> None:
    bundle = gather_code(repository, STAGES)

    assert set(bundle.files) == {
        "ingest_images.py",
        "validate_run.py",
        "image_features.zip",
        "bootstrap/10_python.sh",
        "bootstrap/requirements.txt",
    }
    assert bundle.files["ingest_images.py"] == b"ingest"


def test_the_zip_holds_the_library_with_its_templates(repository: Path) -> None:
    archive = zipfile.ZipFile(io.BytesIO(gather_code(repository, STAGES).files["image_features.zip"]))

    assert {name: archive.read(name) for name in archive.namelist()} == {
        "image_features/__init__.py": b"library",
        "image_features/report/template.html": b"<html>",
        "run_contract/params.py": b"params",
    }


def test_the_same_sources_give_the_same_bytes_whenever_they_were_written(repository: Path) -> None:
    first = gather_code(repository, STAGES)
    for path in repository.rglob("*.py"):
        path.write_text(path.read_text())
        path.touch()
        path.chmod(0o600)

    assert gather_code(repository, STAGES) == first
    assert len(first.version) == 16
    assert int(first.version, 16) >= 0


@pytest.mark.parametrize(
    "changed",
    [
        "spark_jobs/ingest_images.py",
        "spark_jobs/image_features/report/template.html",
        "spark_jobs/image_features/new_module.py",
        "run_contract/params.py",
        "bootstrap/requirements.txt",
    ],
)
def test_any_change_is_another_version(repository: Path, changed: str) -> None:
    before = gather_code(repository, STAGES).version
    (repository / changed).write_text("changed")

    assert gather_code(repository, STAGES).version != before


def test_a_change_that_is_not_staged_is_no_other_version(repository: Path) -> None:
    before = gather_code(repository, STAGES).version
    (repository / "spark_jobs/not_a_stage.py").write_text("changed")

    assert gather_code(repository, STAGES).version == before


@pytest.mark.parametrize("missing", ["spark_jobs/ingest_images.py", "bootstrap", "run_contract"])
def test_missing_code_is_named_with_both_ways_out(repository: Path, missing: str) -> None:
    (repository / missing).rename(repository / "elsewhere")

    with pytest.raises(CodeNotFoundError) as refusal:
        gather_code(repository, STAGES)

    assert str(repository / missing) in str(refusal.value)
    assert "FRUIT_FEATURES_CODE_ROOT" in str(refusal.value)
    assert "FRUIT_FEATURES_CODE_URI" in str(refusal.value)


def test_numbered_scripts_alone_are_bootstrap_actions_in_the_order_of_their_numbers() -> None:
    names = ["100_last.sh", "check_environment.py", "requirements.txt", "20_verify.sh", "notes.sh", "9_first.sh"]

    assert bootstrap_scripts([*names, "1_line_feed.sh\n"]) == ["9_first.sh", "20_verify.sh", "100_last.sh"]

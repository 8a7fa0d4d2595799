"""A run's URIs, and the run prefix that an Airflow run id becomes."""

import re

import pytest

from emr_pipeline.run.layout import (
    RUN_PATTERN,
    WRITTEN_FOLDERS,
    RunLayout,
    code_uri,
    landed_uri,
    run_prefix,
    snapshot_uri,
    split_uri,
)
from run_contract.stages import OF_EVERY_STAGE, PLACES

LAYOUT = RunLayout("pictures", "r1")
SHARED = {"feature_store", "models", "published", "logs"}


def test_a_safe_run_id_stays_as_it_is() -> None:
    assert run_prefix("fruits-2026.11_a") == "fruits-2026.11_a"


def test_what_hadoop_stumbles_over_is_replaced_and_a_hash_keeps_ids_apart() -> None:
    assert run_prefix("manual__2026-11-20T16:00:00.5+00:00") == "manual__2026-11-20T16-00-00.5-00-00-679fb04904f1"


def test_ids_that_would_look_alike_have_different_prefixes() -> None:
    ids = ["a:b", "a+b", "a b", "a/b", "a-b", ".a-b", "_a-b", "é", "ü", "", "x" * 250, "x" * 251]

    prefixes = [run_prefix(run_id) for run_id in ids]

    assert len(set(prefixes)) == len(ids)
    assert all(re.fullmatch(RUN_PATTERN, prefix) and len(prefix) <= 200 for prefix in prefixes)


@pytest.mark.parametrize("place", PLACES)
def test_no_two_runs_or_stages_share_a_place_that_is_made_for_one(place: str) -> None:
    uri = LAYOUT.uri(place, "ingest_images")

    assert uri.startswith("s3://pictures/") and "{" not in uri and not uri.endswith("/")
    # What a run cost is known after its files are removed.
    assert uri.startswith(f"{LAYOUT.run_uri}/") == (place not in {*SHARED, "cost"})
    assert (RunLayout("pictures", "r2").uri(place, "ingest_images") != uri) == (place not in SHARED)
    assert (LAYOUT.uri(place, "validate_run") != uri) == (place in OF_EVERY_STAGE)


def test_what_runs_share_is_known_by_its_snapshot_or_version() -> None:
    assert snapshot_uri("pictures", "92ec") == "s3://pictures/published/92ec.json"
    assert code_uri("pictures", "abc") == "s3://pictures/code/abc"
    assert split_uri(landed_uri("pictures"))[1].partition("/")[0] in WRITTEN_FOLDERS


def test_a_place_that_the_contract_does_not_know_is_refused() -> None:
    with pytest.raises(KeyError, match="'feature' is no place of a run"):
        LAYOUT.uri("feature")


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://b/k/l", ("b", "k/l")),
        ("s3n://b/logs/", ("b", "logs/")),
        ("s3://b", ("b", "")),
        ("s3://b/a b#%", ("b", "a b#%")),
    ],
)
def test_a_uri_splits_into_bucket_and_key(uri: str, parts: tuple[str, str]) -> None:
    assert split_uri(uri) == parts


@pytest.mark.parametrize("uri", ["/local", "https://b/k", "s3://", "b/k"])
def test_what_is_no_s3_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="is no s3:// URI"):
        split_uri(uri)


def test_a_runs_folder_leads_back_to_its_layout() -> None:
    assert RunLayout.of_uri(LAYOUT.run_uri) == LAYOUT


@pytest.mark.parametrize(
    "uri",
    ["s3://pictures/runs/", "s3://pictures/runs/a/b", "s3://pictures/landing/r1", "s3://pictures/runs/.", "None", ""],
)
def test_what_is_no_runs_folder_leads_nowhere(uri: str) -> None:
    assert RunLayout.of_uri(uri) is None

"""The links beside a task open, on AWS and on another endpoint."""

import urllib.parse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emr_pipeline.task.links import persist_run_links

ROOT = Path(__file__).resolve().parents[3]


def links(settings: Any, context: Any) -> tuple[str, str]:
    operator = SimpleNamespace(
        aws_conn_id="aws_default",
        region_name="us-east-1",
        verify=None,
        botocore_config=None,
        settings=settings,
        do_xcom_push=True,
    )
    persist_run_links(context, operator)
    pushed = context["ti"].pushed
    return pushed["fruit_features_report"]["url"], pushed["fruit_features_run_folder"]["url"]


def test_report_and_explorer_open_by_signed_addresses(settings: Any, s3: Any, context: Any) -> None:
    report, _ = links(settings, context)

    assert urllib.parse.urlsplit(report).path.endswith("/runs/r/report/index.html")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in report
    explorer = context["ti"].pushed["fruit_features_explorer"]["url"]
    assert urllib.parse.urlsplit(explorer).path.endswith("/runs/r/report/explorer.html")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in explorer


def test_on_aws_the_data_is_a_page_of_the_console(settings: Any, s3: Any, context: Any) -> None:
    _, folder = links(settings, context)

    assert folder == "https://console.aws.amazon.com/s3/buckets/pictures?prefix=runs/r/"


def test_elsewhere_the_data_is_the_endpoints_own_listing(
    settings: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    report, folder = links(settings, context)

    assert report.startswith("http://127.0.0.1:1/pictures/runs/r/report/index.html?")
    assert folder.startswith("http://127.0.0.1:1/pictures?")
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(folder).query)["prefix"] == ["runs/r/"]


def test_airflow_imports_one_of_our_modules_as_a_plugin() -> None:
    try:
        from airflow._shared.module_loading import find_path_from_directory
    except ImportError:  # The oldest Airflow supported
        from airflow.utils.file import find_path_from_directory  # type: ignore[no-redef]

    found = [Path(path).name for path in find_path_from_directory(str(ROOT / "plugins"), ".airflowignore")]

    assert [name for name in found if name.endswith(".py")] == ["fruit_features_ui.py"]

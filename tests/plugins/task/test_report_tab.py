"""The tab of a DAG run in Airflow: it leads whoever may see the run to its report, and nobody else."""

import urllib.parse
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient

from tests.plugins.published_runs import make_run

RUN_ID = "manual__2026-11-27T15:00:00+00:00"


@pytest.fixture
def client(s3: Any, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Airflow's API server with one run, `r`, as a person sees it who may read it."""
    from airflow.api_fastapi.common.db.common import SessionDep

    from emr_pipeline.task.report_tab import OnlyReaders, app

    monkeypatch.setenv("FRUIT_FEATURES_BUCKET", "pictures")
    monkeypatch.setenv("FRUIT_FEATURES_REGION", "us-east-1")

    class Session:
        def execute(self, query: Any) -> Any:
            asked = set(query.compile().params.values())
            row = SimpleNamespace(conf={"run": "r"}) if asked == {"fruit_features", RUN_ID} else None
            return SimpleNamespace(one_or_none=lambda: row)

    overrides = {get_args(SessionDep)[1].dependency: Session, get_args(OnlyReaders)[1].dependency: lambda: None}
    monkeypatch.setattr(app, "dependency_overrides", overrides)
    return TestClient(app, follow_redirects=False)


def path_of(dag_id: str, run_id: str) -> str:
    """As the page fills the address in."""
    from fruit_features_ui import URL_PREFIX, FruitFeaturesPlugin

    (view,) = FruitFeaturesPlugin.external_views
    href = str(view["href"]).replace("{DAG_ID}", dag_id).replace("{RUN_ID}", urllib.parse.quote(run_id, safe=""))
    return href.removeprefix(URL_PREFIX)


def test_the_tab_of_a_run_leads_to_its_report_by_an_address_for_a_minute(client: TestClient, s3: Any) -> None:
    make_run(s3, "r")

    answer = client.get(path_of("fruit_features", RUN_ID))

    assert answer.status_code == 307
    where = urllib.parse.urlsplit(answer.headers["location"])
    assert where.path.endswith("/runs/r/report/index.html")
    assert urllib.parse.parse_qs(where.query)["X-Amz-Expires"] == ["60"]


@pytest.mark.parametrize(
    ("dag_id", "run_id", "text"),
    [
        ("fruit_features", RUN_ID, "s3://pictures/runs/r/report/index.html is not there: validate_run writes it."),
        ("another", RUN_ID, "Only runs of fruit_features have a report."),
        ("fruit_features", "manual/none", "There is no run manual/none of fruit_features."),
    ],
)
def test_a_tab_without_a_report_says_why(client: TestClient, dag_id: str, run_id: str, text: str) -> None:
    assert client.get(path_of(dag_id, run_id)).text == text


def test_nobody_reads_a_report_without_logging_in(client: TestClient, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from emr_pipeline.task.report_tab import app

    make_run(s3, "r")
    monkeypatch.setattr(app, "dependency_overrides", {})

    assert client.get(path_of("fruit_features", RUN_ID)).status_code == 401

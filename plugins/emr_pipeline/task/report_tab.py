"""The tab *Report* of a DAG run: for whoever may see the run, the report's page by an address that S3 has signed."""

from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dagrun import DagRun
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from sqlalchemy import select

from emr_pipeline.run.layout import RunLayout, run_prefix
from emr_pipeline.s3.objects import head
from emr_pipeline.settings import Settings
from emr_pipeline.task.links import page_url

DAG_ID = "fruit_features"
# It is followed at once, and the page loads nothing more.
EXPIRES_S = 60
# Who may not see the DAG's runs does not see the report either; a page of Airflow that nobody may read has no tab.
OnlyReaders = Annotated[Any, Depends(requires_access_dag("GET", DagAccessEntity.RUN))]

app = FastAPI(title="fruit_features: the report of a run", openapi_url=None)


@app.get("/report/{dag_id}/{run_id:path}")
def report(dag_id: str, run_id: str, session: SessionDep, _: OnlyReaders) -> Response:
    """Lead to the report of a DAG run, or say why there is none; Airflow shows the tab for runs of every DAG."""
    if dag_id != DAG_ID:
        return PlainTextResponse(f"Only runs of {DAG_ID} have a report.")
    found = session.execute(select(DagRun.conf).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one_or_none()
    if found is None:
        return PlainTextResponse(f"There is no run {run_id} of {dag_id}.", status_code=404)
    settings = Settings.from_environment()
    layout = RunLayout(settings.bucket, (found.conf or {}).get("run") or run_prefix(run_id))
    s3 = S3Hook(settings.aws_conn_id, region_name=settings.region, config={"signature_version": "s3v4"}).conn
    if head(s3, layout.report_page_uri) is None:
        return PlainTextResponse(f"{layout.report_page_uri} is not there: validate_run writes it.")
    return RedirectResponse(page_url(s3, layout.report_page_uri, EXPIRES_S))

"""The plugin by which Airflow 3.1 and newer shows the report of a run in a tab of the run.

Airflow imports this file in every component and every task, so it imports nothing but the plugin's base.
"""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

URL_PREFIX = "/fruit-features"


async def _app(scope: Any, receive: Any, send: Any) -> None:
    from emr_pipeline.task.report_tab import app

    await app(scope, receive, send)


class FruitFeaturesPlugin(AirflowPlugin):
    """The tab *Report* of a DAG run; older versions of Airflow know no such tabs, and get nothing."""

    name = "fruit_features"
    # Airflow's API server fills the names in braces in, each percent-encoded.
    external_views = [  # noqa: RUF012
        {
            "name": "Report",
            "href": f"{URL_PREFIX}/report/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "fruit_features_report",
        }
    ]
    fastapi_apps = (
        [{"app": _app, "url_prefix": URL_PREFIX, "name": "fruit_features"}]
        if hasattr(AirflowPlugin, "external_views")
        else []
    )

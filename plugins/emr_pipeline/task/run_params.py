"""The params of a run: the one place where a task learns them."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Context

from emr_pipeline.task.airflow_compat import AirflowFailException

CHECK_RUN = "check_run"
RUN_PARAMS = "run_params"
"""The XCom in which `check_run` leaves the params of an automatic run for the tasks after it."""
AUTOMATIC = ("asset_triggered", "scheduled")
"""The types of DAG runs that no person, and no other DAG in a person's place, has triggered with params."""


def is_automatic(context: Context) -> bool:
    """Return whether nobody triggered this run, so that nobody has seen the form."""
    dag_run: Any = context["dag_run"]
    return dag_run.run_type in AUTOMATIC


def left_by_check_run(context: Context, key: str) -> Any:
    """Return what `check_run` left under this key for the tasks after it; null if it left nothing."""
    ti: Any = context["ti"]
    return ti.xcom_pull(task_ids=CHECK_RUN, key=key)


def params_of_run(context: Context) -> Mapping[str, Any]:
    """Return what was asked for in the form or, in an automatic run, what `check_run` found.

    Tasks do not look for themselves: what is published may change while the run goes on.
    """
    if not is_automatic(context):
        return context["params"]
    found: Mapping[str, Any] | None = left_by_check_run(context, RUN_PARAMS)
    if found is None:
        raise AirflowFailException("check_run has left no params for this run: clear check_run, and what follows it")
    return found


def wanted_end(context: Context) -> float | None:
    """Return by when the run is wanted, in seconds since the epoch; null if nobody said so."""
    minutes = params_of_run(context).get("wanted_minutes")
    dag_run: Any = context["dag_run"]
    return None if minutes is None else float(dag_run.start_date.timestamp()) + 60 * minutes

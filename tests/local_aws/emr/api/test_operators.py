"""Airflow's own EMR operators against the local EMR, waiting in the worker and deferred."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.local_aws.emr.harness import LocalEmr, bash_step, job_flow

pytest.importorskip("airflow.providers.amazon")

from airflow.providers.amazon.aws.operators.emr import (
    EmrAddStepsOperator,
    EmrCreateJobFlowOperator,
    EmrTerminateJobFlowOperator,
)
from airflow.providers.amazon.aws.sensors.emr import EmrJobFlowSensor, EmrStepSensor
from airflow.providers.common.compat.sdk import AirflowException, TaskDeferred
from airflow.sdk.bases.operator import BaseOperator

QUICK: dict[str, Any] = {"waiter_delay": 1, "waiter_max_attempts": 30}


class TaskInstance:
    """All that the operators want of one: a place for the links they leave."""

    def xcom_push(self, key: str, value: Any) -> None:
        assert value is not None, key


@pytest.fixture(autouse=True)
def _aws_connection(local_emr: LocalEmr, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ENDPOINT_URL": local_emr.client.meta.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
    }.items():
        monkeypatch.setenv(name, value)
    yield


def execute(operator: BaseOperator) -> Any:
    """Runs a task to its end; where it defers, its trigger too, as the triggerer would."""
    context: Any = {"ti": TaskInstance(), "task_instance": TaskInstance()}
    try:
        return operator.execute(context)
    except TaskDeferred as deferred:
        event = asyncio.run(first_event(deferred.trigger))
        return getattr(operator, deferred.method_name)(context, event=event.payload, **(deferred.kwargs or {}))


async def first_event(trigger: Any) -> Any:
    async for event in trigger.run():
        return event
    raise AssertionError(f"{trigger} ended without an event")


@pytest.mark.slow
@pytest.mark.parametrize("deferrable", [False, True])
def test_the_operators_walk_a_cluster_from_its_start_to_its_end(local_emr: LocalEmr, deferrable: bool) -> None:
    create = EmrCreateJobFlowOperator(
        task_id="create",
        emr_conn_id=None,
        job_flow_overrides=job_flow(),
        wait_for_completion=True,
        deferrable=deferrable,
        **QUICK,
    )
    cluster_id = execute(create)
    assert local_emr.state(cluster_id) == "WAITING"

    steps = [bash_step("echo one"), bash_step("echo two")]
    add = EmrAddStepsOperator(
        task_id="add",
        job_flow_id=cluster_id,
        steps=steps,
        wait_for_completion=True,
        deferrable=deferrable,
        **QUICK,
    )
    step_ids = execute(add)
    assert [local_emr.step_state(cluster_id, step_id) for step_id in step_ids] == ["COMPLETED", "COMPLETED"]

    [step_id] = local_emr.add(cluster_id, bash_step("sleep 0.5"))
    execute(step_sensor(cluster_id, step_id, deferrable))
    assert local_emr.step_state(cluster_id, step_id) == "COMPLETED"

    execute(EmrTerminateJobFlowOperator(task_id="end", job_flow_id=cluster_id, deferrable=deferrable, **QUICK))
    if not deferrable:  # it does not wait, so the sensor does
        execute(EmrJobFlowSensor(task_id="ended", job_flow_id=cluster_id, poke_interval=0.2))
    assert local_emr.state(cluster_id) == "TERMINATED"


@pytest.mark.parametrize("deferrable", [False, True])
def test_the_step_sensor_fails_with_the_words_of_the_failed_step(local_emr: LocalEmr, deferrable: bool) -> None:
    cluster_id = local_emr.run()
    [step_id] = local_emr.add(cluster_id, bash_step("echo ERROR BadError: no such thing >&2; exit 1"))
    with pytest.raises(AirflowException) as failed:
        execute(step_sensor(cluster_id, step_id, deferrable))
    if not deferrable:  # the deferred one tells the state alone
        assert "ERROR BadError: no such thing" in str(failed.value)
        assert f"steps/{step_id}/stderr.gz" in str(failed.value)


@pytest.mark.parametrize("deferrable", [False, True])
def test_creating_a_cluster_whose_bootstrap_action_fails_is_a_failed_task(
    local_emr: LocalEmr, deferrable: bool
) -> None:
    path = local_emr.put("s3://code/fails.sh", "exit 3")
    name = f"fails, deferrable={deferrable}"
    flow = job_flow(name, BootstrapActions=[{"Name": "fails", "ScriptBootstrapAction": {"Path": path}}])
    create = EmrCreateJobFlowOperator(
        task_id="create",
        emr_conn_id=None,
        job_flow_overrides=flow,
        wait_for_completion=True,
        deferrable=deferrable,
        **QUICK,
    )
    with pytest.raises((AirflowException, WaiterError), match=r"TERMINATED_WITH_ERRORS|Error creating jobflow"):
        execute(create)
    [cluster] = [c for c in local_emr.client.list_clusters()["Clusters"] if c["Name"] == name]
    assert cluster["Status"]["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"


def step_sensor(cluster_id: str, step_id: str, deferrable: bool) -> EmrStepSensor:
    return EmrStepSensor(
        task_id="wait",
        job_flow_id=cluster_id,
        step_id=step_id,
        poke_interval=0.5 if not deferrable else 1,
        max_attempts=30,
        deferrable=deferrable,
    )

"""What a deferred task leaves to the triggerer, and what that makes of it."""

import asyncio
from typing import Any

import pytest

from emr_pipeline.task.deferral import task_name

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:  # The oldest Airflow supported
    from airflow.exceptions import TaskDeferred  # type: ignore[no-redef]


def deferral_of(operator: Any, context: Any) -> Any:
    """How an operator defers; its trigger as the triggerer makes it, from what was serialized."""
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(context)
    trigger = deferral.value.trigger
    path, arguments = trigger.serialize()
    assert path == f"{type(trigger).__module__}.{type(trigger).__qualname__}"
    deferral.value.trigger = type(trigger)(**arguments)
    return deferral.value


def told_to(operator: Any, context: Any, status: str, **told: Any) -> dict[str, Any]:
    """What the task's own trigger tells."""
    return {
        "status": status,
        "waiting_task": task_name(context, operator),
        "cluster_id": "j-1",
        "started_at": 0.0,
    } | told


def events_of(trigger: Any) -> list[Any]:
    """Run a trigger to its end; one that polls does so without a real pause."""
    if hasattr(trigger, "poll_s"):
        trigger.poll_s = 0

    async def run() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(run())

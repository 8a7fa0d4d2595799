"""Messages of tasks: each fact is told once, whoever asks how often, and no task ends because of a message."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from airflow.sdk import Context

from emr_pipeline.run.layout import message_uri
from emr_pipeline.run.message import Message
from emr_pipeline.s3.objects import put_json_if
from emr_pipeline.settings import Settings
from emr_pipeline.task.channels import check_channels, notifier_of
from emr_pipeline.task.dag_run import s3_client
from run_contract.moments import text_of


def task_defaults(settings: Settings, repeats: bool = False) -> dict[str, Any]:
    """Return the arguments of every task of a DAG: what the settings say, and a message when a task fails for good.

    A DAG that `repeats` what it does every few minutes tells a failure of one kind once a day.
    """
    check_channels(settings.messages)
    return settings.operator_defaults | {"on_failure_callback": partial(tell_failure, repeats=repeats)}


def tell(operator: Any, message: Message) -> None:
    """Send a message by every channel of the settings, unless this fact was told before.

    What goes wrong stands in the log alone. The fact is claimed in the bucket before it is sent, so of several attempts
    one sends it. If the claim itself cannot be made, it is sent all the same: better twice than never.
    """
    channels = operator.settings.messages
    if not channels or not _claim(operator, message):
        return
    for channel in channels:
        try:
            # The mail of Airflow 3.0 asks its context for the DAG, and takes none.
            notifier_of(channel, message, operator.aws_conn_id).notify({"dag": None})
            operator.log.info("Told %s: %s", channel, message.subject)
        except Exception:
            operator.log.exception("%s could not be told: %s", channel, message.subject)


def tell_failure(context: Context, repeats: bool = False) -> None:
    """Tell that a task failed and will not be tried again, with its last words; Airflow calls this."""
    ti: Any = context["ti"]
    operator: Any = context["task"]
    error: Any = context.get("exception")
    kind = type(error).__name__ if isinstance(error, BaseException) else "lost"
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    which = f"{kind} {day}" if repeats else f"{ti.run_id} {ti.try_number}"
    words = str(error) if error else "Airflow gives no reason: its worker was lost, perhaps"
    # Airflow 3.0 knows no link where it speaks for a worker that was lost.
    link = getattr(ti, "log_url", None)
    message = Message(
        "failed",
        f"{operator.settings.deployment} {ti.dag_id} {ti.task_id} {which}",
        f"{ti.dag_id}: {ti.task_id} failed",
        f"Task {ti.task_id} of run {ti.run_id} failed:\n\n{words}" + (f"\n\nLog: {link}" if link else ""),
    )
    tell(operator, message)


def _claim(operator: Any, message: Message) -> bool:
    """Return whether this task is the first to tell the fact."""
    content = {"kind": message.kind, "subject": message.subject, "text": message.body}
    content["told_at"] = text_of(datetime.now(UTC))
    uri = message_uri(operator.settings.bucket, message.fact)
    try:
        is_first = put_json_if(s3_client(operator), uri, content, etag=None)
    except Exception:
        operator.log.exception("Whether this was told before cannot be said, so it is told: %s", uri)
        return True
    if not is_first:
        operator.log.info("This was told before: %s", uri)
    return is_first

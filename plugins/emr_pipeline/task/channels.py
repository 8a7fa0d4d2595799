"""The channels of messages: each is one of Airflow's own notifiers, made from an entry of the setting."""

import html
import importlib.util
from collections.abc import Iterable
from typing import Any

from emr_pipeline.errors import SettingsError
from emr_pipeline.run.message import Message
from emr_pipeline.settings import MAIL, MESSAGES, SLACK

PROVIDERS = {SLACK: "slack", MAIL: "smtp"}


def check_channels(channels: Iterable[str]) -> None:
    """Raise a SettingsError for a channel whose provider this Airflow does not have."""
    for channel in channels:
        provider = PROVIDERS.get(channel.partition(":")[0])
        if provider and importlib.util.find_spec(f"airflow.providers.{provider}") is None:
            raise SettingsError(MESSAGES, channel, f"install apache-airflow-providers-{provider}, or take it out")


def notifier_of(channel: str, message: Message, aws_conn_id: str | None) -> Any:
    """Return the notifier that sends a message by a channel; its texts are whole, so nothing in them is rendered."""
    kind, _, where = channel.partition(":")
    if kind == SLACK:
        from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

        # Names of photographs and labels are in it: none of them is to be a link, or to call a channel.
        subject, body = (html.escape(text, quote=False) for text in (message.subject, message.body))
        return SlackWebhookNotifier(slack_webhook_conn_id=where, text=f"*{subject}*\n{body}")
    if kind == MAIL:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        return SmtpNotifier(to=where, subject=message.subject, html_content=f"<pre>{html.escape(message.body)}</pre>")
    from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

    return SnsNotifier(
        aws_conn_id=aws_conn_id,
        # arn:aws:sns:<region>:<account>:<topic>
        region_name=channel.split(":")[3],
        target_arn=channel,
        subject=message.subject,
        message=message.body,
        message_attributes={"kind": message.kind, "fact": message.fact},
    )

"""People are told each fact once, by the channels of the setting, and no task ends because of a message."""

import email
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from emr_pipeline.errors import SettingsError
from emr_pipeline.operators.end_orphaned_clusters import EndOrphanedClustersOperator
from emr_pipeline.operators.publish import PublishOperator
from emr_pipeline.operators.roll_back import RollBackOperator
from emr_pipeline.run.message import LONGEST_TEXT, Message
from emr_pipeline.settings import Settings
from emr_pipeline.task.channels import check_channels, notifier_of
from emr_pipeline.task.deferral import task_name
from emr_pipeline.task.messages import task_defaults, tell
from tests.messages import Told, facts
from tests.plugins.fake_emr import FakeEmr
from tests.plugins.published_runs import keys, make_run, publish_run, read

FACT = Message("failed", "1", "fruit_features: publish failed", "It failed: {{ no template }}")


def publish(settings: Settings) -> PublishOperator:
    return PublishOperator(
        task_id="publish", settings=settings, code_uri="s3://pictures/code/1", region_name="us-east-1"
    )


def fail(settings: Settings, error: BaseException | None, repeats: bool = False, **task: Any) -> None:
    """As Airflow does when a task has failed for good."""
    ti = {"dag_id": "fruit_features", "run_id": "manual__1", "task_id": "publish", "try_number": 3} | task
    context: Any = {
        "ti": SimpleNamespace(**ti, log_url="http://airflow/log"),
        "task": publish(settings),
        "exception": error,
    }
    task_defaults(settings, repeats)["on_failure_callback"](context)


def test_a_fact_is_told_once_and_kept_with_its_words(telling: Settings, told: Told, s3: Any) -> None:
    for _ in range(3):
        tell(publish(telling), FACT)

    (message,) = told.read()
    assert (message["Subject"], message["Message"]) == (FACT.title, FACT.text)
    assert message["MessageAttributes"]["kind"]["Value"] == "failed"
    assert read(s3, "messages/failed-1.json")["text"] == FACT.text


def test_nothing_is_told_and_nothing_is_written_without_a_channel(settings: Settings, told: Told, s3: Any) -> None:
    tell(publish(settings), FACT)
    fail(settings, RuntimeError("boom"))

    assert (told.read(), keys(s3, "messages/")) == ([], [])


def test_a_channel_that_cannot_be_reached_ends_nothing_and_keeps_none_from_the_others(
    telling: Settings, told: Told
) -> None:
    tell(publish(replace(telling, messages=(f"{told.topic_arn}-gone", told.topic_arn))), FACT)

    assert facts(told.read()) == ["failed-1"]


def test_where_the_bucket_cannot_be_written_it_is_told_all_the_same(telling: Settings, told: Told) -> None:
    tell(publish(replace(telling, bucket="no-such-bucket")), FACT)

    assert facts(told.read()) == ["failed-1"]


def test_a_failure_is_told_with_the_last_words_and_the_link_once_an_attempt(telling: Settings, told: Told) -> None:
    fail(telling, RuntimeError("step s-1 is FAILED: WeightsError"))
    fail(telling, RuntimeError("step s-1 is FAILED: WeightsError"))
    fail(telling, RuntimeError("again"), try_number=6)
    fail(telling, None, task_id="check_run")

    first, again, lost = told.read()
    assert first["Subject"] == "fruit_features: publish failed"
    assert "step s-1 is FAILED: WeightsError" in first["Message"]
    assert "http://airflow/log" in first["Message"]
    assert "again" in again["Message"]
    assert "its worker was lost" in lost["Message"]


def test_a_check_that_fails_every_few_minutes_is_told_once_a_day(telling: Settings, told: Told) -> None:
    for run in range(3):
        fail(telling, RuntimeError("denied"), repeats=True, run_id=f"scheduled__{run}")
    fail(telling, KeyError("other"), repeats=True, run_id="scheduled__4")

    assert len(told.read()) == 2


def test_of_a_long_text_the_first_and_the_last_words_are_told(telling: Settings, told: Told) -> None:
    tell(publish(telling), replace(FACT, text="first" + "x" * 300_000 + "last"))

    (message,) = told.read()
    assert message["Message"].startswith("firstx") and message["Message"].endswith("xlast")
    assert len(message["Message"]) < LONGEST_TEXT + 10


def test_a_subject_of_any_words_is_one_that_sns_takes(telling: Settings, told: Told) -> None:
    tell(publish(telling), replace(FACT, title=f"caf\u00e9\n{'long ' * 40}"))

    (message,) = told.read()
    assert message["Subject"].startswith("caf? long") and len(message["Subject"]) < 100


def test_a_publication_tells_what_has_changed_and_a_repeated_one_nothing(
    telling: Settings, told: Told, s3: Any, context: Any
) -> None:
    publish_run(s3, "before", images=2)
    make_run(s3, "r", images=1048)

    for _ in range(2):
        publish(telling).execute(context)

    (message,) = told.read()
    assert message["Subject"] == "fruit_features: r is published"
    assert "photographs with features: 1,048 (2 before)" in message["Message"]
    assert "of run before" in message["Message"]


def test_an_orphaned_cluster_that_was_ended_is_told(telling: Settings, told: Told, emr: FakeEmr, s3: Any) -> None:
    from emr_pipeline.emr.job_flow import cluster_tags

    tags = cluster_tags(telling, "fruit_features", "deleted")
    emr.add_cluster("j-1", "fruit_features pictures deleted", "WAITING", tags)
    reaper = EndOrphanedClustersOperator(task_id="reaper", settings=telling, region_name="us-east-1")
    context: Any = {
        "ti": SimpleNamespace(get_dr_count=lambda **_: 0),
        "dag": SimpleNamespace(dag_id="fruit_features_reaper"),
        "dag_run": SimpleNamespace(run_id="scheduled__1"),
    }
    event = {"suspects": ["j-1"], "waiting_task": task_name(context, reaper)}

    assert reaper.execute_complete(context, event) == ["j-1"]
    assert reaper.execute_complete(context, event) == []

    (message,) = told.read()
    assert "j-1 (fruit_features pictures deleted) was left by run deleted" in message["Message"]


class Postbox:
    """A server of mail that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def sendmail(self, from_addr: str, to_addrs: Any, msg: str) -> None:
        self.sent.append(msg)

    def quit(self) -> None:
        pass

    close = quit


@pytest.fixture
def postbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postbox]:
    box = Postbox()
    connection = {
        "conn_type": "smtp",
        "host": "localhost",
        "extra": {"from_email": "us@example.com", "disable_ssl": True},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
    monkeypatch.setattr(
        "smtplib.SMTP",
        lambda *_, **__: SimpleNamespace(
            sendmail=box.sendmail, starttls=lambda *_, **__: None, close=box.close, quit=box.quit, ehlo=lambda: None
        ),
    )
    yield box


def test_mail_goes_out_by_airflows_own_connection(telling: Settings, s3: Any, postbox: Postbox) -> None:
    tell(publish(replace(telling, messages=("mail:me@example.com",))), replace(FACT, text="a < b"))

    (sent,) = postbox.sent
    message = email.message_from_string(sent)
    assert (message["Subject"], message["To"]) == (FACT.title, "me@example.com")
    (body,) = [part.get_payload(decode=True) for part in message.walk() if part.get_content_type() == "text/html"]
    assert body == b"<pre>a &lt; b</pre>"


def test_no_word_of_a_message_is_a_link_or_a_call_in_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    # The provider is not in the project's environments: this stands for its notifier.
    module: Any = ModuleType("airflow.providers.slack.notifications.slack_webhook")
    module.SlackWebhookNotifier = dict
    monkeypatch.setitem(sys.modules, module.__name__, module)

    sent = notifier_of("slack:team", replace(FACT, text="no label <!channel> & <https://evil.example|Log>"), None)

    assert sent["slack_webhook_conn_id"] == "team"
    assert sent["text"].endswith("no label &lt;!channel&gt; &amp; &lt;https://evil.example|Log&gt;")


def test_a_channel_without_its_provider_is_refused_where_the_dag_is_parsed() -> None:
    with pytest.raises(SettingsError, match=r"FRUIT_FEATURES_MESSAGES='slack:team'.*apache-airflow-providers-slack"):
        check_channels(["slack:team"])


def test_a_rollback_is_told_once_with_who_and_why(telling: Settings, told: Told, s3: Any, context: Any) -> None:
    first, second = publish_run(s3, "r1"), publish_run(s3, "r2", 1)
    task = RollBackOperator(task_id="roll_back", settings=telling, region_name="us-east-1")
    asked = {"snapshot": first["snapshot"], "why": "bad labels"}
    own: Any = {**context, "params": asked, "dag_run": SimpleNamespace(run_id="back", triggering_user_name="ana")}

    for _ in range(2):
        task.execute(own)

    (message,) = told.read()
    assert message["MessageAttributes"]["kind"]["Value"] == "rollback"
    words = rf"from snapshot {second['snapshot']} to {first['snapshot']} at .* by ana in the run back: bad labels"
    assert re.search(words, message["Message"])

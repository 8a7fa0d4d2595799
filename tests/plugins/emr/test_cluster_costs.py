"""What a run cost: every instance's hours at the deployment's prices, once for each cluster."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.cost import read_prices
from emr_pipeline.emr.cluster_costs import cluster_cost, record
from emr_pipeline.operators.publish import PublishOperator
from emr_pipeline.operators.terminate_cluster import TerminateClusterOperator
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.settings import Settings
from emr_pipeline.task.dag_run import own_tags
from tests.plugins.fake_emr import FakeEmr
from tests.plugins.published_runs import keys, latest, make_run, read

BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENDED = BEGAN + timedelta(hours=2)
PRICED = Settings.from_environment(
    {"FRUIT_FEATURES_DOLLARS_PER_HOUR": "0.5", "FRUIT_FEATURES_SPOT_DOLLARS_PER_HOUR": "0.125"}
)


def instance(market: str, hours: float | None, size: str = "xlarge") -> dict[str, Any]:
    timeline = {"CreationDateTime": BEGAN} | ({} if hours is None else {"EndDateTime": BEGAN + timedelta(hours=hours)})
    return {"Market": market, "InstanceType": f"r6i.{size}", "Status": {"Timeline": timeline}}


def ended_cluster(emr: FakeEmr, cluster_id: str, tags: dict[str, str], name: str = "fruit_features pictures r") -> None:
    emr.add_cluster(cluster_id, name, "TERMINATED", tags, Instances=[instance("ON_DEMAND", 1.0)])
    emr.clusters[cluster_id]["Status"]["Timeline"] = {"CreationDateTime": BEGAN, "EndDateTime": ENDED}


def test_hours_are_counted_by_market_and_an_open_end_is_the_clusters() -> None:
    cluster = {"Id": "j-1", "Status": {"Timeline": {"CreationDateTime": BEGAN, "EndDateTime": ENDED}}}
    instances = [
        instance("ON_DEMAND", 1.5, "2xlarge"),
        instance("ON_DEMAND", None),
        instance("SPOT", 4),
        instance("SPOT", 0),
    ]

    found = cluster_cost(cluster, instances, "manual__1", PRICED)

    assert found["unit_hours"] == {"ON_DEMAND": 5.0, "SPOT": pytest.approx(4 + 1 / 60, abs=1e-4)}
    assert found["units"] == {"ON_DEMAND": 3, "SPOT": 2}
    assert found["dollars"] == pytest.approx(5.0 * 0.5 + (4 + 1 / 60) * 0.125, abs=1e-4)
    assert found["dollars_per_hour"] == {"ON_DEMAND": 0.5, "SPOT": 0.125}
    assert (found["created_at"], found["ended_at"]) == ("2026-11-20T12:00:00Z", "2026-11-20T14:00:00Z")


def test_the_prices_that_nobody_set_are_those_of_the_benchmarks() -> None:
    settings, instance_prices = Settings.from_environment({}), read_prices()["instance"]

    ec2, emr = instance_prices["ec2_per_hour"], instance_prices["emr_per_hour"]
    assert settings.dollars_per_hour == pytest.approx(ec2 + emr, abs=1e-3)
    assert settings.spot_dollars_per_hour == pytest.approx(ec2 * instance_prices["spot_share"] + emr, abs=1e-3)


def test_the_teardown_records_every_cluster_of_its_own_run_once(
    settings: Any, emr: FakeEmr, s3: Any, context: Any
) -> None:
    tags = own_tags(context, settings)
    emr.add_cluster("j-1", "fruit_features pictures r", "WAITING", tags, Instances=[instance("ON_DEMAND", 3)])
    ended_cluster(emr, "j-EARLIER", tags)
    ended_cluster(emr, "j-OTHERS", tags | {"fruit-features:run": "another"})
    ended_cluster(emr, "j-ALIKE", tags, name="fruit_features pictures r2")
    teardown = TerminateClusterOperator(
        task_id="t", settings=settings, job_flow_id="j-1", region_name="us-east-1", aws_conn_id=None
    )

    teardown.execute(context)
    teardown.execute(context)

    document = read(s3, "costs/r.json")
    assert document["run"] == "r"
    assert {entry["cluster_id"]: entry["dollars"] for entry in document["clusters"]} == {
        "j-1": pytest.approx(3 * settings.dollars_per_hour),
        "j-EARLIER": pytest.approx(settings.dollars_per_hour),
    }
    assert {entry["dag_run_id"] for entry in document["clusters"]} == {context["dag_run"].run_id}


def test_a_teardown_whose_record_is_refused_is_green_all_the_same(
    settings: Any,
    emr: FakeEmr,
    s3: Any,
    context: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emr.add_cluster("j-1", "fruit_features pictures r", "WAITING", own_tags(context, settings), Instances=[])
    s3.delete_bucket(Bucket="pictures")
    teardown = TerminateClusterOperator(
        task_id="t", settings=settings, job_flow_id="j-1", region_name="us-east-1", aws_conn_id=None
    )
    told: list[str] = []
    monkeypatch.setattr(teardown.log, "warning", lambda text, *words: told.append(text % words))

    teardown.execute(context)

    assert "not recorded in s3://pictures/costs/r.json" in told[-1]


@pytest.mark.parametrize("state", ["RUNNING", "TERMINATING", "TERMINATED"])
def test_a_snapshot_says_what_its_run_was_foreseen_to_cost_and_has_cost_until_then(
    settings: Any, emr: FakeEmr, s3: Any, context: Any, state: str
) -> None:
    make_run(s3, "r")
    emr.add_cluster("j-1", "fruit_features pictures r", state, own_tags(context, settings))
    emr.clusters["j-1"]["Instances"] = [instance("ON_DEMAND", 1.0), instance("ON_DEMAND", 0.5)]
    emr.clusters["j-OTHERS"] = dict(emr.clusters["j-1"], Id="j-OTHERS", Tags=[])
    foreseen = {"size": "small", "minutes": 7.0, "dollars": 0.11}
    context["ti"].xcom_push(key="forecast", value=foreseen)

    PublishOperator(task_id="p", settings=settings, code_uri="s3://p/code/1", region_name="us-east-1").execute(context)

    assert latest(s3)["forecast"] == foreseen
    assert latest(s3)["cost_so_far"] == pytest.approx(1.5 * settings.dollars_per_hour, abs=1e-4)


def test_until_now_a_node_that_goes_on_is_paid_for() -> None:
    cluster = {"Id": "j-1", "Status": {"Timeline": {"CreationDateTime": BEGAN}}}

    found = cluster_cost(cluster, [instance("ON_DEMAND", None)], "manual__1", PRICED, until=ENDED)

    assert (found["unit_hours"]["ON_DEMAND"], found["ended_at"]) == (2.0, None)


def test_what_a_name_that_is_used_again_did_cost_before_stays(s3: Any) -> None:
    layout = RunLayout("pictures", "r")
    record(s3, layout, [{"cluster_id": "j-1", "dag_run_id": "1", "dollars": 1.0}])
    record(s3, layout, [{"cluster_id": "j-2", "dag_run_id": "2", "dollars": 2.0}])

    assert [entry["cluster_id"] for entry in read(s3, "costs/r.json")["clusters"]] == ["j-1", "j-2"]
    assert keys(s3, "costs/") == ["costs/r.json"]

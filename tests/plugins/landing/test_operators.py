"""From photographs to exactly one signal, against S3 itself: what is new, when it has settled, who says so."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from emr_pipeline.task.airflow_compat import AirflowFailException, AirflowSkipException
from tests.plugins.deferral import TaskDeferred
from tests.plugins.landing.conftest import Bucket, Landing


def counts(document: dict[str, Any]) -> dict[str, int]:
    return dict(document["changes"])


def test_photographs_of_which_none_is_published_are_signalled(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg", "b/c.jpg")

    document, events = landing.signal(landing.wait(), "scheduled__7")

    assert bucket.landed == document
    assert counts(document) == {"new": 2, "changed": 0, "gone": 0, "objects": 2}
    assert (document["by"], document["source_uri"]) == ("scheduled__7", bucket.source_uri)
    assert events.events[bucket.source_uri].extra == {"digest": document["digest"], "changes": document["changes"]}
    assert landing.rounds == 1


def test_what_is_published_is_not_signalled(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg")
    bucket.publish()

    with pytest.raises(AirflowSkipException, match="nothing new; 1 objects in all"):
        landing.run()

    assert bucket.landed is None


def test_new_changed_and_removed_photographs_are_told_apart(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg", "b.jpg", "c.jpg")
    bucket.publish()
    bucket.put("b.jpg", content="other")
    bucket.put("d.jpg", "e.jpg")
    bucket.delete("a.jpg")

    assert counts(landing.run()) == {"new": 2, "changed": 1, "gone": 1, "objects": 4}


def test_a_batch_that_goes_on_is_waited_for_until_two_listings_are_the_same(bucket: Bucket, landing: Landing) -> None:
    late = [["b.jpg"], ["c.jpg", "d.jpg"], []]
    bucket.put("a.jpg")

    document = landing.run(meanwhile=lambda: bucket.put(*late.pop(0)))

    assert (late, landing.rounds) == ([], 3)
    assert counts(document)["new"] == 4


@pytest.mark.parametrize("event", [None, {"suspects": ["j-1"]}, {"digest": "ab", "waited_s": 0}])
def test_another_tasks_event_starts_no_run_and_the_task_looks_again(
    bucket: Bucket, landing: Landing, event: dict[str, Any] | None
) -> None:
    bucket.put("a.jpg")
    operator, context = landing.waiting()

    with pytest.raises(TaskDeferred):
        operator.execute_complete(context, event)


def test_an_upload_in_parts_counts_when_it_is_complete(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg")
    upload = {"Bucket": bucket.name, "Key": "landing/b.jpg"}
    upload["UploadId"] = bucket.s3.create_multipart_upload(**upload)["UploadId"]
    part = {"PartNumber": 1, "ETag": bucket.s3.upload_part(**upload, PartNumber=1, Body=b"jpeg")["ETag"]}
    steps = [lambda: bucket.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}), lambda: None]

    document = landing.run(meanwhile=lambda: steps.pop(0)())

    assert counts(document)["new"] == 2


def test_a_source_that_is_never_quiet_is_taken_as_it_is_after_the_limit(
    bucket: Bucket, landing: Landing, capsys: pytest.CaptureFixture[str]
) -> None:
    landing.settings = replace(landing.settings, landing_settle_s=300, landing_settle_limit_s=900)
    bucket.put("first.jpg")

    document = landing.run(meanwhile=lambda: bucket.put(f"{landing.rounds}.jpg"))

    assert landing.rounds == 3
    assert counts(document)["new"] == 4
    assert "has not been quiet for 5 min 0 s within 15 min 0 s" in capsys.readouterr().out


def test_news_that_goes_away_while_it_is_waited_for_is_none(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg")
    bucket.publish()
    bucket.put("b.jpg")

    with pytest.raises(AirflowSkipException, match="nothing new"):
        landing.run(meanwhile=lambda: bucket.delete("b.jpg"))


def test_the_checks_that_follow_a_signal_give_no_other_while_its_run_goes_on(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg")
    first = landing.run("scheduled__1")

    for number in range(2, 5):
        with pytest.raises(AirflowSkipException, match="run scheduled__1 signalled this listing"):
            landing.run(f"scheduled__{number}")

    assert bucket.landed == first


def test_photographs_that_land_while_a_run_is_on_are_signalled_once_more_and_once_only(
    bucket: Bucket, landing: Landing
) -> None:
    bucket.put("a.jpg")
    landing.run("scheduled__1")
    bucket.put("b.jpg")

    second = landing.run("scheduled__2")
    with pytest.raises(AirflowSkipException):
        landing.run("scheduled__3")
    bucket.publish()
    with pytest.raises(AirflowSkipException, match="nothing new"):
        landing.run("scheduled__4")

    assert bucket.landed == second


def test_photographs_whose_run_fails_are_signalled_again_after_the_retry_time_and_not_before(
    bucket: Bucket, landing: Landing
) -> None:
    bucket.put("a.jpg")
    landing.run("scheduled__1")

    bucket.age_the_signal(landing.settings.landing_retry_s - 120)
    with pytest.raises(AirflowSkipException, match=r"signalled this listing 5 h 5[78] min ago"):
        landing.run("scheduled__2")
    bucket.age_the_signal(landing.settings.landing_retry_s + 10)
    document = landing.run("scheduled__3")

    assert bucket.landed["by"] == document["by"] == "scheduled__3"


def test_of_many_that_signal_one_listing_at_the_same_moment_exactly_one_does(bucket: Bucket, landing: Landing) -> None:
    """As two deployments on one bucket would, whose runs even have one name."""
    for turn in range(2):
        bucket.put(f"{turn}.jpg")
        seen = landing.wait()
        settled = [{**seen, "token": f"{turn}-{number}"} for number in range(8)]
        start = threading.Barrier(8)

        def signal(one: dict[str, Any], start: threading.Barrier = start) -> str:
            start.wait()
            try:
                landing.signal(one)
            except AirflowSkipException:
                return "skipped"
            return str(one["token"])

        with ThreadPoolExecutor(8) as racers:
            outcomes = list(racers.map(signal, settled))

        assert sorted(outcomes, key=lambda text: text == "skipped")[1:] == ["skipped"] * 7
        assert bucket.landed["token"] in outcomes


def test_a_task_that_is_repeated_knows_its_own_claim_and_tells_the_asset(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg")
    settled = landing.wait()
    landing.signal(settled)
    written = bucket.landed_path.stat().st_mtime_ns

    _, events = landing.signal(settled)

    assert bucket.source_uri in events.events
    assert bucket.landed_path.stat().st_mtime_ns == written


def test_a_later_listing_is_signalled_though_another_was_a_moment_ago(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg")
    one = landing.wait()
    bucket.put("b.jpg")
    other = landing.wait()

    landing.signal(one)
    landing.signal(other)

    assert bucket.landed["token"] == other["token"]


@pytest.mark.parametrize("keys", [[], ["landing/"]])
def test_an_empty_source_starts_nothing(bucket: Bucket, landing: Landing, keys: list[str]) -> None:
    bucket.put("a.jpg")
    bucket.publish()
    bucket.delete("a.jpg")
    for key in keys:
        bucket.s3.put_object(Bucket=bucket.name, Key=key)

    with pytest.raises(AirflowSkipException, match="is empty: there is nothing to run on"):
        landing.run()


def test_a_published_run_of_another_source_is_none_of_this_one(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg")
    bucket.publish(source_uri=f"s3://{bucket.name}/landing/other")

    assert counts(landing.run())["new"] == 1


@pytest.mark.parametrize("folder", ["", "/", "/runs", "/runs/r/images/", "/feature_store"])
def test_a_source_that_runs_write_to_is_refused(bucket: Bucket, landing: Landing, folder: str) -> None:
    landing.settings = replace(landing.settings, source_uri=f"s3://{bucket.name}{folder}")

    with pytest.raises(AirflowFailException, match="give a folder for photographs alone"):
        landing.run()


@pytest.mark.parametrize("changed", [{"bucket": "no-such-bucket"}, {"source_uri": "s3://no-such-bucket/landing"}])
def test_a_bucket_that_is_not_there_is_one_clear_error(landing: Landing, changed: dict[str, Any]) -> None:
    landing.settings = replace(landing.settings, **changed)

    with pytest.raises(AirflowFailException, match="s3://no-such-bucket does not exist"):
        landing.run()


def test_photographs_from_whose_snapshot_readers_were_taken_back_start_no_run(bucket: Bucket, landing: Landing) -> None:
    bucket.put("a.jpg")
    bucket.publish("before", rollbacks=[{"instead_of": "bad", "at": "noon", "dag_run_id": "manual__1"}])
    bucket.put("b.jpg")
    bucket.publish("bad")
    bucket.point_at("before")

    with pytest.raises(AirflowSkipException, match=r"photographs of snapshot bad, .* at noon by the run manual__1"):
        landing.run()

    bucket.put("c.jpg")
    assert counts(landing.run()) == {"new": 2, "changed": 0, "gone": 0, "objects": 3}

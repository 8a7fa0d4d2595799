"""Each wait says when its stage and the run will end, and people are warned once of a time that will be missed."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emr_pipeline.operators.wait_for_step import WaitForStepSensor
from emr_pipeline.run import end_forecast
from emr_pipeline.run.end_forecast import Pace
from tests.messages import Told, facts
from tests.plugins.deferral import TaskDeferred, deferral_of, events_of, told_to
from tests.plugins.fake_emr import FakeEmr
from tests.plugins.published_runs import publish_run, put

MINUTE_S = 60


class Clock:
    """The clock by which a trigger measures a pace; it stands still between looks."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(end_forecast, "MEASURED_S", 0)
    made = Clock()
    monkeypatch.setattr("emr_pipeline.emr.triggers.time", made)
    return made


def wanted_within(context: Any, minutes: int, began_s_ago: float = 0) -> None:
    context["params"]["wanted_minutes"] = minutes
    context["dag_run"].start_date = datetime.now(UTC) - timedelta(seconds=began_s_ago)


def counting(trigger: Any, clock: Clock, total: int) -> None:
    """The stage counts one image more in every 10 ms."""

    def progress() -> Iterator[dict[str, Any]]:
        done = 0
        while True:
            yield {"done": done, "total": total, "unit": "images"}
            clock.now += 0.01
            done += 1

    looks = progress()
    trigger._progress = lambda: next(looks)


def test_a_run_that_will_take_too_long_is_told_once_and_the_wait_goes_on(
    sensor: WaitForStepSensor, telling: Any, told: Told, context: Any, clock: Clock
) -> None:
    sensor.settings = telling
    wanted_within(context, 1)
    trigger = deferral_of(sensor, context).trigger
    counting(trigger, clock, total=60_000)

    for _ in range(2):
        (event,) = events_of(trigger)
        assert event["late"]["about"] == "run"
        with pytest.raises(TaskDeferred) as deferral:
            sensor.execute_complete(context, json.loads(json.dumps(event)))
        assert deferral.value.trigger.has_warned

    (message,) = told.read()
    assert "the run will end about" in message["Message"] and "was wanted by" in message["Message"]


def test_a_warned_wait_ends_with_its_step_alone(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted_within(context, 30)
    trigger = deferral_of(sensor, context).trigger
    trigger.has_warned = True
    looks = iter([{"done": done, "total": 10_000_000, "unit": "images"} for done in (1, 2, 3)])

    def progress() -> Any:
        look = next(looks)
        if look["done"] == 3:
            step.set_step("j-1", "s-1", "COMPLETED")
        return look

    monkeypatch.setattr(trigger, "_progress", progress)

    (event,) = events_of(trigger)

    assert (event["status"], event["late"]) == ("over", None)


def test_a_stage_that_will_be_cancelled_is_told_with_the_setting_to_raise(
    sensor: WaitForStepSensor, telling: Any, told: Told, context: Any, clock: Clock
) -> None:
    sensor.settings = telling
    trigger = deferral_of(sensor, context).trigger
    counting(trigger, clock, total=10**9)
    (event,) = events_of(trigger)

    with pytest.raises(TaskDeferred):
        sensor.execute_complete(context, event)

    assert "raise FRUIT_FEATURES_FEATURIZE_IMAGES_TIME_LIMIT_S" in told.read()[0]["Message"]


def test_a_run_in_time_warns_nobody_and_says_in_its_log_when_it_ends(
    sensor: WaitForStepSensor, context: Any, step: FakeEmr, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    wanted_within(context, 30)
    trigger = deferral_of(sensor, context).trigger
    said: list[str] = []
    monkeypatch.setattr(trigger, "say", lambda name, what: said.append(what))
    looks = iter([10, 20, 30])

    def progress() -> Any:
        clock.now += 0.01
        done = next(looks)
        if done == 30:
            step.set_step("j-1", "s-1", "COMPLETED")
        return {"done": done, "total": 40, "unit": "images"}

    monkeypatch.setattr(trigger, "_progress", progress)

    (event,) = events_of(trigger)

    assert event["late"] is None
    assert said[0] == "RUNNING, 10 of 40 images"
    assert f"20 of 40 images; the stage ends about {datetime.now(UTC):%Y-%m-%d}" in said[1]


def test_a_later_stage_takes_as_long_as_in_the_former_run_image_by_image(
    sensor: WaitForStepSensor, s3: Any, context: Any
) -> None:
    publish_run(s3, "former")
    for stage, seconds in (("reduce_features", 100.0), ("validate_run", 50.0), ("featurize_images", 9000.0)):
        put(s3, f"runs/former/stats/{stage}.json", {"seconds": seconds, "rows_in": 1000, "rows_out": 1000})
    put(s3, "runs/r/stats/ingest_images.json", {"rows_out": 2000})

    trigger = deferral_of(sensor, context).trigger

    # What featurize_images takes depends on what is new.
    assert trigger.former_s == {"reduce_features": 200.0, "validate_run": 100.0}
    foreseen = end_forecast.forecast("featurize_images", 10.0, 0.0, trigger.former_s, 1000.0)
    assert foreseen == end_forecast.Forecast(stage_end=1010.0, run_end=1310.0)


def test_a_wait_needs_no_former_run(sensor: WaitForStepSensor, s3: Any, context: Any) -> None:
    s3.put_object(Bucket="pictures", Key="published/latest.json", Body=b"no snapshot")

    assert deferral_of(sensor, context).trigger.former_s == {}


def test_a_trigger_of_an_earlier_version_still_wakes_its_task(sensor: WaitForStepSensor, context: Any) -> None:
    event = told_to(sensor, context, "unknown", step_id="s-1", add_again_until=0.0)

    with pytest.raises(TaskDeferred) as deferral:
        sensor.execute_complete(context, event)

    assert not deferral.value.trigger.has_warned


def test_a_pace_is_said_only_once_it_was_measured_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_forecast, "MEASURED_S", MINUTE_S)
    pace = Pace()

    looks = [(0.0, 5), (30.0, 50), (90.0, 95), (100.0, 95)]
    found = [pace.left_s({"done": done, "total": 185}, now) for now, done in looks]

    assert found == [None, None, 90.0, pytest.approx(100.0)]
    assert pace.left_s({"done": 0, "total": None}, 110.0) is None
    # A step that was added again counts from the beginning.
    assert pace.left_s({"done": 1, "total": 185}, 120.0) is None
    assert pace.left_s({"done": 61, "total": 181}, 180.0) == 120.0


@pytest.mark.parametrize(("minutes", "about"), [(None, None), (10, None), (1, "run")])
def test_who_wants_nothing_is_warned_of_nothing(minutes: int | None, about: str | None) -> None:
    foreseen = end_forecast.Forecast(stage_end=100.0, run_end=5 * MINUTE_S)

    late = foreseen.lateness("reduce_features", 1000.0, None if minutes is None else minutes * MINUTE_S)

    assert (late and late["about"]) == about


def test_each_run_that_is_late_is_told(sensor: WaitForStepSensor, telling: Any, told: Told, context: Any) -> None:
    sensor.settings = telling
    for run in ("one", "two"):
        context["dag_run"].run_id = run
        event = told_to(sensor, context, "over", step_id="s-1", add_again_until=0.0, late={"about": "run", "text": "t"})
        with pytest.raises(TaskDeferred):
            sensor.execute_complete(context, event)

    assert len(facts(told.read())) == 2

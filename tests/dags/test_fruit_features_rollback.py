"""The way back as Airflow's own parser finds it: one task, no schedule, a form whose snapshot nobody leaves empty."""

from typing import Any

import pytest

from tests.dags.test_fruit_features import ParamValidationError, parse
from tools.run.rollback import RollbackRequestError, parse_request


@pytest.fixture(scope="module")
def dag() -> Any:
    return parse().dags["fruit_features_rollback"]


def test_it_has_one_task_and_runs_only_when_a_person_asks_for_it(dag: Any) -> None:
    assert dag.task_ids == ["roll_back"]
    assert dag.timetable.can_be_scheduled is False
    assert "**roll_back**" in dag.doc_md


def test_it_updates_the_asset_that_readers_are_scheduled_on(dag: Any) -> None:
    (asset,) = dag.get_task("roll_back").outlets
    (published,) = parse().dags["fruit_features"].get_task("publish").outlets
    assert (asset.name, asset.uri) == (published.name, published.uri)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("snapshot", None),
        ("snapshot", ""),
        ("snapshot", "../latest"),
        ("snapshot", "a b"),
        ("snapshot", "x" * 201),
        ("why", 7),
        ("why", "y" * 1001),
    ],
)
def test_the_form_refuses(dag: Any, name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        dag.params.get_param(name).resolve(value)


@pytest.mark.parametrize(("snapshot", "why"), [("66f00dd15eeb76e3", None), ("the-old-one", "labels are wrong")])
def test_form_and_make_rollback_take_the_same(dag: Any, snapshot: str, why: str | None) -> None:
    asked = parse_request({"SNAPSHOT": snapshot} | ({"WHY": why} if why else {}))

    assert asked == {"snapshot": snapshot, "why": why}
    assert {name: dag.params.get_param(name).resolve(value) for name, value in asked.items()} == asked


@pytest.mark.parametrize("environment", [{}, {"SNAPSHOT": ""}, {"SNAPSHOT": "a/b"}])
def test_make_rollback_says_what_it_needs(environment: dict[str, str]) -> None:
    with pytest.raises(RollbackRequestError, match=r"SNAPSHOT=.*: give the name of a snapshot.*make history"):
        parse_request(environment)

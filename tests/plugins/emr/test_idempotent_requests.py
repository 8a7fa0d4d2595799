"""A request without a client token is sent again only if what it asks for is not there."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from emr_pipeline.emr.idempotent_requests import ATTEMPTS, make_once
from emr_pipeline.operators.add_step import AddStepOperator
from emr_pipeline.run.stages import STAGES
from emr_pipeline.task.dag_run import emr_hook_without_retries


def refusal(status: int, code: str) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "RunJobFlow")


LOST_ANSWER = ReadTimeoutError(endpoint_url="http://emr")
PASSING = [refusal(500, "InternalFailure"), refusal(503, "Any"), refusal(400, "ThrottlingException"), LOST_ANSWER]


class Emr:
    """Answers with these errors first, and makes one thing a request from `makes_from` on."""

    def __init__(self, errors: list[Exception], makes_from: int) -> None:
        self.errors, self.makes_from = errors, makes_from
        self.requests = 0
        self.made: list[str] = []

    def make(self) -> str:
        self.requests += 1
        if self.requests >= self.makes_from:
            self.made.append(f"made by request {self.requests}")
        if self.requests <= len(self.errors):
            raise self.errors[self.requests - 1]
        return self.made[-1]

    def find(self) -> str | None:
        return self.made[0] if self.made else None


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_was_made_in_spite_of_the_error_is_not_made_again(error: Exception) -> None:
    emr = Emr([error], makes_from=1)

    assert make_once(emr.make, emr.find) == "made by request 1"
    assert emr.requests == 1


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_was_not_made_is_asked_for_again(error: Exception) -> None:
    emr = Emr([error, error], makes_from=3)

    assert make_once(emr.make, emr.find) == "made by request 3"


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ExpiredTokenException"])
def test_a_request_that_will_never_be_taken_is_not_repeated(code: str) -> None:
    emr = Emr([refusal(400, code)], makes_from=2)

    with pytest.raises(ClientError, match=code):
        make_once(emr.make, emr.find)

    assert emr.requests == 1


def test_it_outlasts_a_minute_of_throttling_and_then_gives_up(waits: list[float]) -> None:
    emr = Emr([refusal(400, "ThrottlingException")] * ATTEMPTS, makes_from=ATTEMPTS + 1)

    with pytest.raises(ClientError, match="ThrottlingException"):
        make_once(emr.make, emr.find)

    assert emr.requests == ATTEMPTS
    assert sum(waits) > 60


def test_the_client_that_makes_does_not_repeat_by_itself_and_keeps_the_rest_of_its_configuration(
    settings: Any,
) -> None:
    operator = AddStepOperator(
        task_id="add_step",
        settings=settings,
        stage=STAGES[0],
        job_flow_id="j-1",
        code_uri="s3://pictures/code",
        region_name="eu-west-3",
        botocore_config={"retries": {"mode": "standard", "max_attempts": 10}, "read_timeout": 7},
    )

    emr: Any = emr_hook_without_retries(operator).conn
    config = emr.meta.config

    assert config.retries["total_max_attempts"] == 1
    assert (config.read_timeout, config.region_name) == (7, "eu-west-3")

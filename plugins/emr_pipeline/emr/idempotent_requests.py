"""Requests that EMR would carry out twice, made only once: RunJobFlow and AddJobFlowSteps have no client token.

botocore sends a request again when its answer was an error or was lost, and cannot know whether EMR carried it out. So
botocore's retries are off for these two requests, and `make_once` looks for the result before it sends one again.
"""

import logging
import time
from collections.abc import Callable

from botocore.exceptions import ClientError, HTTPClientError
from tenacity import Retrying, before_sleep_log, retry_if_exception, stop_after_attempt, wait_exponential

from emr_pipeline.s3.objects import error_code

logger = logging.getLogger(__name__)

# With the waits below: nearly two minutes, enough to outlast a minute of throttling.
ATTEMPTS = 10
LONGEST_WAIT_S = 20
THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})


def make_once(make: Callable[[], str], find: Callable[[], str | None]) -> str:
    """Return what `make` makes; after a passing error `find` first looks whether it was made all the same."""
    attempts = Retrying(
        retry=retry_if_exception(is_passing),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(max=LONGEST_WAIT_S),
        before_sleep=before_sleep_log(logger, logging.WARNING),
        sleep=time.sleep,
        reraise=True,
    )
    for attempt in attempts:
        with attempt:
            is_first = attempt.retry_state.attempt_number == 1
            return (None if is_first else find()) or make()
    raise AssertionError("the last attempt returns or raises")


def is_passing(error: BaseException) -> bool:
    """Return whether EMR may take the same request later."""
    if not isinstance(error, ClientError):
        return isinstance(error, HTTPClientError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error_code(error) in THROTTLED

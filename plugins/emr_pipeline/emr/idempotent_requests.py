"""Requests that EMR would carry out twice, made only once: RunJobFlow and AddJobFlowSteps have no client token.

botocore sends a request again when its answer was an error or was lost, and cannot know whether EMR carried it out. So
botocore's retries are off for these two requests, and `make_once` looks for the result before it sends one again.
"""

import logging
import time
from collections.abc import Callable

from botocore.exceptions import ClientError, HTTPClientError

from emr_pipeline.s3.objects import error_code

logger = logging.getLogger(__name__)

# With the waits below: nearly two minutes, enough to outlast a minute of throttling.
ATTEMPTS = 10
LONGEST_WAIT_S = 20
THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})


def make_once(make: Callable[[], str], find: Callable[[], str | None]) -> str:
    """Return what `make` makes; after a passing error `find` first looks whether it was made all the same."""
    for attempt in range(ATTEMPTS):
        try:
            return make()
        except (ClientError, HTTPClientError) as error:
            if attempt + 1 == ATTEMPTS or not is_passing(error):
                raise
            logger.warning("EMR did not take the request, or took it and could not say so: %s", error)
        time.sleep(min(2**attempt, LONGEST_WAIT_S))
        found = find()
        if found:
            logger.info("EMR took the request: %s is there", found)
            return found
    raise AssertionError("the last attempt returns or raises")


def is_passing(error: ClientError | HTTPClientError) -> bool:
    """Return whether EMR may take the same request later."""
    if not isinstance(error, ClientError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error_code(error) in THROTTLED

"""The last signal, in landed/latest.json, read with its age."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

from emr_pipeline.landing.decisions import Signal
from emr_pipeline.s3.objects import find_object


def read_signal(s3: Any, uri: str) -> tuple[Signal, str] | None:
    """Return the last signal and the ETag of its object, or null if none was ever given."""
    response = find_object(s3, uri)
    if response is None:
        return None
    now = parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])
    age_s = (now - response["LastModified"]).total_seconds()
    return Signal.of(json.loads(response["Body"].read()), age_s), response["ETag"]

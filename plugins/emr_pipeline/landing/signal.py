"""The last signal, in landed/latest.json, read with its age."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from emr_pipeline.landing.decisions import Signal
from emr_pipeline.run.layout import split_uri
from emr_pipeline.s3.objects import NOT_FOUND, error_code


def read_signal(s3: Any, uri: str) -> tuple[Signal, str] | None:
    """Return the last signal and the ETag of its object, or null if none was ever given."""
    bucket, key = split_uri(uri)
    try:
        response = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in NOT_FOUND:
            return None
        raise
    now = parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])
    age_s = (now - response["LastModified"]).total_seconds()
    return Signal.of(json.loads(response["Body"].read()), age_s), response["ETag"]

"""landed/latest.json: read with its age, and replaced by one conditional write, so that one signaller wins."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from emr_pipeline.landing.decisions import Signal
from emr_pipeline.layout import split_uri
from emr_pipeline.s3_objects import NOT_FOUND, error_code

# What S3 answers when another writer was first: between our read and our write, or at the very same moment.
OVERTAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


def read_signal(s3: Any, uri: str) -> tuple[Signal, str] | None:
    """The last signal and the ETag of its object, or null if none was ever given."""
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


def write_signal(s3: Any, uri: str, document: dict[str, Any], etag: str | None) -> bool:
    """Write if nobody has written since the read that gave this ETag (null: there was nothing); whether it was."""
    bucket, key = split_uri(uri)
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    body = json.dumps(document, indent=2).encode()
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        # An If-Match on an object that was deleted meanwhile is a 404.
        if error_code(error) not in OVERTAKEN | NOT_FOUND:
            raise
        return False
    return True

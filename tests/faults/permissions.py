"""What a request asks of IAM, and whether the policies of the template's stack allow it."""

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from tests.faults.proxy import Request
from tests.infra.policies import Ask, allowing
from tests.infra.stack import ACCOUNT, AIRFLOW, REGION, TOPIC, policy_of

CLUSTERS = f"arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/"
BUCKET_TAG = "fruit-features:bucket"
S3_ACTIONS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
# A POST begins and completes an upload in parts.
UPLOAD_ACTIONS = {"POST": "s3:PutObject", "GET": "s3:ListMultipartUploadParts", "DELETE": "s3:AbortMultipartUpload"}


def denied(requests: Iterable[Request], bucket: str, who: str = AIRFLOW) -> list[Ask]:
    """Return what the role would be denied on AWS."""
    policy = policy_of(who, bucket)
    asked = {str(ask): ask for request in requests for ask in asks(request, bucket)}
    return [ask for ask in asked.values() if not allowing(policy, ask)]


def asks(request: Request, bucket: str) -> Iterator[Ask]:
    """List what a request needs to be allowed; a cluster that is not new has the deployment's tag."""
    if request.is_s3:
        yield from _of_s3(request)
        return
    if request.operation == "SNS":
        # A row's own topic stands for the stack's.
        (called,) = parse_qs(request.body.decode())["Action"]
        yield Ask(f"sns:{called}", TOPIC, {"aws:SecureTransport": "true"})
        return
    action = f"elasticmapreduce:{request.operation}"
    given = json.loads(request.body or b"{}")
    if request.operation == "RunJobFlow":
        tags = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
        yield Ask(action, f"{CLUSTERS}*", {f"elasticmapreduce:RequestTag/{key}": value for key, value in tags.items()})
        for policy in {"AutoTerminationPolicy", "ManagedScalingPolicy"} & set(given):
            # It is not known whether the cluster has its tags by then.
            yield Ask(f"elasticmapreduce:Put{policy}", f"{CLUSTERS}j-1")
    elif request.operation == "ListClusters":
        yield Ask(action, "*")
    else:
        yield Ask(action, f"{CLUSTERS}j-1", {f"elasticmapreduce:ResourceTag/{BUCKET_TAG}": bucket})


def _of_s3(request: Request) -> Iterator[Ask]:
    address = urlsplit(request.path)
    bucket, _, key = unquote(address.path).lstrip("/").partition("/")
    query = parse_qs(address.query, keep_blank_values=True)
    method = request.operation.removeprefix("S3 ")
    if key:
        actions = S3_ACTIONS | UPLOAD_ACTIONS if {"uploads", "uploadId"} & set(query) else S3_ACTIONS
        yield Ask(actions[method], f"arn:aws:s3:::{bucket}/{key}")
    elif method == "POST" and "delete" in query:
        for node in ElementTree.fromstring(request.body).iter():
            if re.sub(r"{.*}", "", node.tag) == "Key":
                yield Ask("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{node.text}")
    else:
        yield Ask("s3:GetBucketLocation" if "location" in query else "s3:ListBucket", f"arn:aws:s3:::{bucket}")

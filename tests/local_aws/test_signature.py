"""Signatures: what botocore signs is recognized, whatever is in it, and nothing else is."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_aws.signature import Signature

KEY = Credentials("LOCALTEST", "secret")
ADDRESSES = [
    "/",
    "/fruits/a%20pear%2B%C3%BC~%25.jpg",
    "/fruits//a",
    "/fruits?delete",
    "/fruits?list-type=2&prefix=a%2Fb&a-b=1&a=2&empty=",
]


def signed(signer: SigV4Auth, method: str, address: str, body: bytes = b"") -> tuple[str, str, dict[str, str]]:
    """Path, query and headers, as the connection would have them."""
    request = AWSRequest(method, f"http://127.0.0.1:5600{address}", {"X-Amz-Meta-Note": "two  words "}, body)
    signer.add_auth(request)
    parts = urlsplit(str(request.url))
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    return parts.path, parts.query, headers | {"host": parts.netloc, "user-agent": "not signed"}


def is_recognized(method: str, path: str, query: str, headers: dict[str, str], body: bytes = b"") -> bool:
    signature = Signature.of(headers, query)
    assert signature is not None and signature.key_id == "LOCALTEST"
    return signature.is_made_with("secret", method, path, query, headers, body)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("kind", [S3SigV4Auth, S3SigV4QueryAuth])
def test_requests_to_s3_are_recognized(kind: type[SigV4Auth], address: str) -> None:
    path, query, headers = signed(kind(KEY, "s3", "us-east-1"), "GET", address)
    assert is_recognized("GET", path, query, headers)
    assert not is_recognized("HEAD", path, query, headers)
    assert not is_recognized("GET", f"{path}x", query, headers)
    assert not is_recognized("GET", path, f"{query}&more=1", headers)
    assert not is_recognized("GET", path, query, headers | {"host": "localhost:5600"})
    assert not is_recognized("GET", path, query, headers | {"x-amz-meta-note": "others"})


@pytest.mark.parametrize("address", ["/", "/a%20path/b?x=1"])
def test_orders_to_other_services_are_recognized_with_their_body(address: str) -> None:
    path, query, headers = signed(SigV4Auth(KEY, "elasticmapreduce", "eu-west-1"), "POST", address, b"{}")
    assert is_recognized("POST", path, query, headers, b"{}")
    assert not is_recognized("POST", path, query, headers, b"[]")


def test_a_signature_that_leaves_the_host_out_is_none() -> None:
    path, query, headers = signed(S3SigV4Auth(KEY, "s3", "us-east-1"), "GET", "/")
    headers["authorization"] = headers["authorization"].replace("host;", "")
    assert not is_recognized("GET", path, query, headers)


@pytest.mark.parametrize("text", ["", "AWS LOCALTEST:AAAA", "Bearer x", "AWS4-HMAC-SHA256 Credential=LOCALTEST"])
def test_other_headers_are_no_signature(text: str) -> None:
    assert Signature.of({"authorization": text}, "") is None

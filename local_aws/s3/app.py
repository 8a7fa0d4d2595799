"""S3 as a WSGI application: which requests are for S3, which operation answers each, and how errors are answered."""

import calendar
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from local_aws.hardness import EveryNth, Hardness, Pace, Strikes
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.operations import deletions, listings, multipart_uploads, objects, tags
from local_aws.s3.operations.buckets import Buckets
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error, as_s3_error
from local_aws.s3.protocol.messages import XML_TYPE, Request, Response

logger = logging.getLogger(__name__)

Operation = Callable[[ObjectStore, Request], Response]

OBJECT_OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", ""): objects.get_object,
    ("HEAD", ""): objects.get_object,
    ("PUT", ""): objects.put_object,
    ("COPY", ""): objects.copy_object,
    ("DELETE", ""): deletions.delete_one,
    ("GET", "tagging"): tags.get_tags,
    ("PUT", "tagging"): tags.put_tags,
    ("DELETE", "tagging"): tags.delete_tags,
    ("POST", "restore"): objects.restore_object,
    ("POST", "uploads"): multipart_uploads.create,
    ("PUT", "uploadId"): multipart_uploads.upload_part,
    ("COPY", "uploadId"): multipart_uploads.copy_part,
    ("GET", "uploadId"): multipart_uploads.list_parts,
    ("POST", "uploadId"): multipart_uploads.complete,
    ("DELETE", "uploadId"): multipart_uploads.abort,
}
"""The operations by method and subresource. COPY is a PUT with a source."""

BUCKET_OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", ""): listings.list_objects,
    ("GET", "versions"): listings.list_versions,
    ("GET", "uploads"): multipart_uploads.list_uploads,
}
"""The operations of a bucket that need its objects. moto answers all others."""

_CONTROL_PATH = "/v20180820/"
"""The beginning of the addresses of S3 Control, which moto answers; its requests are signed for S3, too."""


def is_s3_request(environ: Mapping[str, Any]) -> bool:
    """Return whether the service that a request is signed for is S3; the door admits signed requests alone."""
    signed = environ.get("HTTP_AUTHORIZATION") or unquote(environ["QUERY_STRING"])
    return "/s3/aws4_request" in signed and not environ["PATH_INFO"].startswith(_CONTROL_PATH)


def check_region(environ: Mapping[str, Any], region: str) -> None:
    """Raise what S3 answers to a request that is signed for another region, if one is given."""
    signed = environ.get("HTTP_AUTHORIZATION") or unquote(environ["QUERY_STRING"])
    if region and f"/{region}/s3/aws4_request" not in signed:
        raise S3Error("AuthorizationHeaderMalformed", f"the region of the signature is wrong; expecting '{region}'")


def check_not_expired(query: Mapping[str, str]) -> None:
    """Raise AccessDenied for a presigned address that has expired. The door has checked the signature itself."""
    if "X-Amz-Expires" not in query:
        return
    try:
        signed_at = calendar.timegm(time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
        expires_at = signed_at + int(query["X-Amz-Expires"])
    except (KeyError, ValueError) as error:
        raise S3Error("AccessDenied", f"the presigned address does not say when it expires: {error}") from error
    if time.time() > expires_at:
        raise S3Error("AccessDenied", "Request has expired: sign the address again")


class S3Application:
    """WSGI application that answers for objects from the store, and for settings of buckets through moto."""

    def __init__(self, store: ObjectStore, hardness: Hardness, strikes: Strikes) -> None:
        self.store, self.buckets = store, Buckets(store)
        self._region, self._pace = hardness.region, Pace(hardness.requests_per_s)
        self._deletion_is_hard, self._strikes = EveryNth(hardness.deletion_errors), strikes

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            if not self._pace.allows():
                self._strikes.add("requests_per_s")
                raise S3Error("SlowDown", "Please reduce your request rate.")
            check_region(environ, self._region)
            request = Request.from_environ(environ)
            check_not_expired(request.query)
            operation = self._operation(request)
            if operation is None:
                return self.buckets.answer(request, environ, start_response)
            response = operation(self.store, request)
        except (S3Error, OSError) as error:
            response = _refusal(environ, error)
        body, headers = response.body, {**response.headers, "x-amz-request-id": uuid.uuid4().hex[:16].upper()}
        if isinstance(body, bytes):
            if response.status not in (204, 304):
                headers.setdefault("Content-Length", str(len(body)))
            body = [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]
        if "HTTP_EXPECT" in environ and response.status >= 400:
            # The client now never sends the body that it announced, and the server would take the next request for it.
            headers["Connection"] = "close"
        start_response(f"{response.status} {HTTPStatus(response.status).phrase}", list(headers.items()))
        return body

    def _deletion_fails(self) -> bool:
        if is_hard := self._deletion_is_hard():
            self._strikes.add("deletion_errors")
        return is_hard

    def _operation(self, request: Request) -> Operation | None:
        """Return the operation, or None when moto answers."""
        method = "COPY" if request.method == "PUT" and "x-amz-copy-source" in request.headers else request.method
        name = (method, request.subresource)
        if name == ("POST", "delete") and request.bucket and not request.key:
            return partial(deletions.delete_many, fails=self._deletion_fails)
        if not request.key:
            return BUCKET_OPERATIONS.get(name) if request.bucket else None
        if method == "OPTIONS":
            return None
        if name not in OBJECT_OPERATIONS:
            raise S3Error("NotImplemented", f"{request.method} {request.subresource} of an object is not emulated here")
        return OBJECT_OPERATIONS[name]


def _refusal(environ: Mapping[str, Any], failure: S3Error | OSError) -> Response:
    # It stays percent-encoded: a key may hold characters that XML cannot.
    resource = environ["asgi.scope"]["raw_path"].decode("latin-1")
    if isinstance(failure, OSError):
        logger.error("%s %s", environ["REQUEST_METHOD"], resource, exc_info=failure)
    error = as_s3_error(failure)
    node = {"Code": error.code, "Message": str(error), "Resource": resource}
    return Response(error.status, XML_TYPE, xml.render("Error", node, namespace=False))

"""Door of the endpoint: it admits requests that are signed with the endpoint's key, when their bodies are here.

Whoever gives the endpoint an order runs programs as its user. So what a web page, another user of the machine or a
client under another host name sends gets no further than this.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from a2wsgi import WSGIMiddleware

from local_aws import __version__
from local_aws.metadata import PREFIX, MetadataService
from local_aws.s3.protocol.messages import MAX_DOCUMENT_BYTES
from local_aws.signature import AccessKey, Signature
from local_aws.threads import ThreadedApp

HEALTH_PATH = "/_local_aws/health"
HIDDEN_PATHS = ("/moto-api", "/latest/", "/favicon.ico")
"""What moto serves without a signature: its own switches, and the metadata of a machine."""
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
WORKER_THREADS = 64
"""The number of requests answered at once. Neither a slow reader nor an idle connection holds a thread."""
BODY_PATIENCE_S = 30.0
"""The longest time from one part of a body to the next."""
BODY_BYTES = 1 << 20
"""The limit of a body for another service than S3. Of a larger object this much is here before a thread takes it."""

SIGN = "sign the request with the endpoint's access key, which its AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY name"

_PORT = re.compile(r":\d*$", re.ASCII)


class RefusedError(Exception):
    """A request that is not admitted: the status and code of its answer, and what to do."""

    def __init__(self, status: int, code: str, remedy: str) -> None:
        self.status, self.code = status, code
        super().__init__(remedy)


class Door:
    """ASGI application before a WSGI application: it refuses a request, or hands it on with its body."""

    def __init__(self, app: Any, key: AccessKey, hosts: Iterable[str], metadata: MetadataService) -> None:
        self.metadata, self.key, self.hosts = metadata, key, {*LOCAL_HOSTS, *(host.lower() for host in hosts)}
        # An upload that stalls half-way holds a thread of other large uploads, and of nothing else.
        self.whole, self.large = ThreadedApp(app, WORKER_THREADS), WSGIMiddleware(app, workers=WORKER_THREADS)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.large(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._refuse_strangers(scope, headers)
            if scope["path"] == HEALTH_PATH:
                await _answer(send, 200, "application/json", json.dumps(health(self.key)))
                return
            if scope["path"].startswith(PREFIX):
                status, text = self.metadata.answer(scope["method"], scope["path"])
                await _answer(send, status, "text/plain", text)
                return
            body, more = await self._signed_body(scope, headers, receive)
        except RefusedError as refused:
            text = f"<Error><Code>{refused.code}</Code><Message>{refused}</Message></Error>"
            await _answer(send, refused.status, "application/xml", text)
        else:
            if more:
                await self.large(scope, _replay(body, receive), send)
            else:
                await self.whole(scope, body, send)

    def _refuse_strangers(self, scope: Any, headers: Mapping[str, str]) -> None:
        """Raise RefusedError for another host's name, for what a web page sends, and for what is hidden."""
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or _PORT.sub("", hosts[0]) not in self.hosts:
            known = ", ".join(sorted(self.hosts))
            raise RefusedError(421, "MisdirectedRequest", f"this endpoint is {known}; --allow-host adds a name")
        # A link that a person follows is none: the report is one, and so is its tab in this machine's own Airflow. A
        # browser names the page's site with all else.
        followed = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
        from_here = headers.get("sec-fetch-site") == "same-site"
        followed = followed and headers.get("sec-fetch-dest") in ("document", *(("iframe",) if from_here else ()))
        if "origin" in headers or not (followed or headers.get("sec-fetch-site", "none") == "none"):
            raise RefusedError(403, "AccessDenied", "web pages may not send requests to this endpoint")
        if scope["path"].startswith(HIDDEN_PATHS):
            raise RefusedError(404, "NotFound", "this endpoint does not serve this address")

    async def _signed_body(self, scope: Any, headers: Mapping[str, str], receive: Any) -> tuple[bytes, bool]:
        """Return the body, or the beginning of a large object and True, of a request that our key has signed."""
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        signature = Signature.of(headers, query)
        if signature is None or signature.key_id != self.key.id:
            raise RefusedError(403, "InvalidAccessKeyId", f"{SIGN}; version 4 of the signature is understood")
        is_s3, is_object = signature.service == "s3", "/" in path[1:].rstrip("/")
        limit = MAX_DOCUMENT_BYTES if is_s3 and not is_object else BODY_BYTES
        body, more = b"", "content-length" in headers or "transfer-encoding" in headers
        while more and len(body) <= limit:
            try:
                async with asyncio.timeout(BODY_PATIENCE_S):
                    message = await receive()
            except TimeoutError as error:
                raise RefusedError(408, "RequestTimeout", "the body stopped on its way; send it again") from error
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if len(body) > limit and not (is_s3 and is_object):
            raise RefusedError(413, "RequestEntityTooLarge", f"the body of this request has at most {limit} bytes")
        if not signature.is_made_with(self.key.secret, scope["method"], path, query, headers, body):
            raise RefusedError(403, "SignatureDoesNotMatch", SIGN)
        return body, more


def health(key: AccessKey) -> dict[str, Any]:
    """Return what the health page says to everybody; who has the key knows the endpoint by it."""
    return {"ready": True, "version": __version__, "key": hashlib.sha256(key.id.encode()).hexdigest()}


def _replay(body: bytes, receive: Any) -> Any:
    """Return a `receive` that begins with what was received already; a body that stalls later ends as if cut off."""
    first = [{"type": "http.request", "body": body, "more_body": True}]

    async def receive_again() -> Any:
        if first:
            return first.pop()
        try:
            async with asyncio.timeout(BODY_PATIENCE_S):
                return await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}

    return receive_again


async def _answer(send: Any, status: int, content_type: str, text: str) -> None:
    headers = {"content-type": content_type, "content-length": str(len(text))}
    if status != 200:
        # What remains of the body is never read.
        headers["connection"] = "close"
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": text.encode()})

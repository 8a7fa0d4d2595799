"""A proxy in front of the local endpoint that answers as AWS does on its bad days, as a test tells it to."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local_aws.hardness import Pace

Answer = tuple[int, list[tuple[str, str]], bytes, int]
"""Status, headers, content, and the announced length, which is more than the content's where that breaks off."""
HOP_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True)
class Request:
    """`operation` is EMR's own name, or `S3` and the method."""

    operation: str
    path: str
    body: bytes = b""

    @property
    def is_s3(self) -> bool:
        return self.operation.startswith("S3 ")


@dataclass(frozen=True)
class Refusal:
    """An error as either service words it."""

    status: int
    code: str
    message: str

    def body(self, request: Request) -> bytes:
        if request.is_s3:
            return f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>".encode()
        return json.dumps({"__type": self.code, "message": self.message}).encode()


SLOW_DOWN = Refusal(503, "SlowDown", "Please reduce your request rate.")


@dataclass
class Rule:
    """Refuses what it matches, so many times or so long; `also_does` has EMR do it all the same before it refuses."""

    matches: Callable[[Request], bool]
    refusal: Refusal | None
    """None lets the answer break off in the middle of its content."""
    times: int | None = None
    seconds: float | None = None
    also_does: bool = False
    refused: int = 0
    began_at: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def applies(self, request: Request) -> bool:
        if not self.matches(request):
            return False
        with self.lock:
            self.began_at = self.began_at or time.monotonic()
            is_over = (self.times is not None and self.refused >= self.times) or (
                self.seconds is not None and time.monotonic() > self.began_at + self.seconds
            )
            self.refused += not is_over
        return not is_over


HOLD_LIMIT_S = 120


@dataclass
class Hold:
    """Lets one request hang until it is released, and then drops it; `after` means that EMR has done it by then."""

    matches: Callable[[Request], bool]
    after: bool
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_taken: bool = False

    def takes(self, request: Request) -> bool:
        if not self.matches(request):
            return False
        with self.lock:
            is_first, self.is_taken = not self.is_taken, True
        return is_first

    def wait_until_held(self, limit_s: float = 200) -> None:
        assert self.held.wait(limit_s), f"the request to hold did not come within {limit_s:.0f} s"

    def hang(self) -> None:
        self.held.set()
        self.released.wait(HOLD_LIMIT_S)


class FaultyProxy:
    """Listens on a port of its own while it is entered."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.pace: Pace | None = None
        self.requests: list[Request] = []
        """All that Airflow sent."""
        self.rules: list[Rule] = []
        self.holds: list[Hold] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FaultyProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = proxy.answer(self, body)
                if answer is None:
                    self.close_connection = True
                else:
                    self._answer(*answer)

            def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, announced: int) -> None:
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in HOP_HEADERS:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(announced))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)
                    self.close_connection = len(content) < announced

            def log_message(self, *_: object) -> None:
                """Say nothing: botocore's log has it."""

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815

        return Handler

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> Answer | None:
        """Status, headers and content; null where the connection is dropped."""
        target = handler.headers.get("X-Amz-Target")
        request = Request(target.rpartition(".")[2] if target else f"S3 {handler.command}", handler.path, body)
        self.requests.append(request)
        hold = next((hold for hold in self.holds if hold.takes(request)), None)
        if hold:
            if hold.after:
                self.forward(handler, body)
            hold.hang()
            return None
        if request.is_s3 and self.pace and not self.pace.allows():
            return _refused(SLOW_DOWN, request)
        rule = next((rule for rule in self.rules if rule.applies(request)), None)
        if rule and rule.refusal and not rule.also_does:
            return _refused(rule.refusal, request)
        try:
            forwarded = self.forward(handler, body)
        except OSError:
            # The endpoint is down: so is this.
            return None
        if rule and rule.refusal:
            return _refused(rule.refusal, request)
        status, headers, content, announced = forwarded
        return status, headers, content[: len(content) // 2] if rule else content, announced

    def forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.target_port, timeout=60)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() != "connection"}
            connection.request(handler.command, handler.path, body, headers)
            response = connection.getresponse()
            content = response.read()
            announced = int(response.getheader("content-length") or len(content))
            return response.status, response.getheaders(), content, announced
        finally:
            connection.close()


def _refused(refusal: Refusal, request: Request) -> Answer:
    body = refusal.body(request)
    return refusal.status, [], body, len(body)

"""The WSGI application in threads, for requests whose bodies are here: a request goes to a thread and back once.

a2wsgi asks the event loop again for the body, the headers and each piece, which took half of the time of a small read.
"""

import asyncio
import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from a2wsgi.wsgi import build_environ

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class ThreadedApp:
    """ASGI application that answers with a WSGI application, which `workers` requests run at once."""

    def __init__(self, app: WsgiApp, workers: int) -> None:
        self._app, self._threads = app, ThreadPoolExecutor(workers, thread_name_prefix="request")

    async def __call__(self, scope: Any, body: bytes, send: Any) -> None:
        """Answer a request; an answer that is not in one piece is sent piece by piece."""
        run, threads = asyncio.get_running_loop().run_in_executor, self._threads
        start, first, pieces = await run(threads, self._begin, scope, body)
        rest = iter(pieces)
        try:
            await send(start)
            # A list is all here.
            while not isinstance(pieces, list) and (piece := await run(threads, next, rest, None)) is not None:
                await send({"type": "http.response.body", "body": first, "more_body": True})
                first = piece
            await send({"type": "http.response.body", "body": first})
        finally:
            getattr(pieces, "close", lambda: None)()

    def _begin(self, scope: Any, body: bytes) -> tuple[dict[str, Any], bytes, Iterable[bytes]]:
        """Return the start of an answer, its first piece or a list's all, and what makes the others."""
        start: dict[str, Any] = {"type": "http.response.start"}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            start["status"] = int(status.partition(" ")[0])
            start["headers"] = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers]

        stream: Any = io.BytesIO(body)
        pieces = self._app(dict(build_environ(scope, stream)), start_response)
        if isinstance(pieces, list):
            return start, b"".join(pieces), pieces
        rest = iter(pieces)
        return start, next(rest, b""), rest

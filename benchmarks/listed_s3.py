"""A stand-in for S3 in a process of its own: ListObjectsV2 of a numbered bucket, and the few objects a check reads."""

import csv
import gzip
import hashlib
import io
import multiprocessing
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

BUCKET = "listed"
PUBLISHED_LESS = 50
_ROW = (
    "<Contents><Key>{key}</Key><LastModified>2026-11-20T16:00:00.000Z</LastModified><ETag>&quot;{etag}&quot;</ETag>"
    "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>{size}</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
)


def key_of(number: int) -> str:
    """In S3's order as in that of the numbers; a thousand in a folder."""
    return f"landing/fruits/Training/label {number // 1000:05d}/{number:08d}_100.jpg"


def number_behind(key: str) -> int:
    """Of the first object whose key sorts behind a key of this bucket."""
    return int(key.rpartition("/")[2].partition("_")[0]) + 1


def etag_of(content: str) -> str:
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()


def inventory(entries: Iterable[tuple[str, int, str]]) -> bytes:
    packed = io.BytesIO()
    with gzip.open(packed, "wt", newline="", encoding="utf-8", compresslevel=1) as text:
        rows = csv.writer(text)
        rows.writerow(["key", "size_bytes", "etag"])
        rows.writerows(entries)
    return packed.getvalue()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects = 0
    latency_s = 0.0
    files: dict[str, bytes] = {}  # noqa: RUF012

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        time.sleep(self.latency_s)
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        key = parts.path.removeprefix(f"/{BUCKET}").lstrip("/")
        if not key:
            body, status = (self._page(query) if "list-type" in query else b""), 200
        elif key in self.files:
            body, status = self.files[key], 200
        else:
            body, status = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>", 404
        headers = {"Content-Length": str(len(body)), "ETag": '"e"'}
        if status == 200 and "Range" in self.headers:
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            whole = len(body)
            body, status = body[int(first) : int(last or whole) + 1], 206
            headers |= {"Content-Length": str(len(body)), "Content-Range": f"bytes {first}-{last or whole - 1}/{whole}"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _page(self, query: dict[str, str]) -> bytes:
        if "continuation-token" in query:
            first = int(query["continuation-token"])
        else:
            first = number_behind(query["start-after"]) if "start-after" in query else 0
        end = min(first + int(query.get("max-keys", "1000")), self.objects)
        rows = "".join(
            _ROW.format(key=quote(key_of(number)), etag=etag_of(str(number)), size=len(str(number)))
            for number in range(first, end)
        )
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < self.objects else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>landing/</Prefix>{more}<KeyCount>{end - first}</KeyCount>"
            f"<MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>{str(bool(more)).lower()}"
            f"</IsTruncated>{rows}</ListBucketResult>"
        ).encode()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _serve(port: "multiprocessing.Queue[int]", objects: int, latency_s: float, latest: bytes) -> None:
    _Answers.objects, _Answers.latency_s = objects, latency_s
    published = ((key_of(n), len(str(n)), etag_of(str(n))) for n in range(objects - PUBLISHED_LESS))
    _Answers.files = {"published/latest.json": latest, "runs/r/inventory.csv.gz": inventory(published)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    port.put(server.server_address[1])
    server.serve_forever()


class ListedS3:
    """Answers while the block lasts; gives its address."""

    def __init__(self, objects: int, latency_s: float, latest: bytes) -> None:
        self._port: multiprocessing.Queue[int] = multiprocessing.Queue()
        self._process = multiprocessing.Process(
            target=_serve, args=(self._port, objects, latency_s, latest), daemon=True
        )

    def __enter__(self) -> str:
        self._process.start()
        return f"http://127.0.0.1:{self._port.get()}"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

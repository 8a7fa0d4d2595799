"""Buckets: one folder each, and their settings, which moto's S3 keeps.

A folder that appears below the root is a bucket from the next request on. A bucket whose folder is gone is gone.
"""

import io
import logging
import os
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.wrappers import Response as WsgiAnswer

from local_aws.s3.files import uploads
from local_aws.s3.files.paths import is_bucket_name, is_hidden
from local_aws.s3.files.store import OWN_FOLDER, ObjectStore
from local_aws.s3.files.walk import walk
from local_aws.s3.operations import notifications
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import Request

logger = logging.getLogger(__name__)

REGION = "us-east-1"
"""The region of a bucket that a new folder made; other buckets have the region of the client that made them."""


class Buckets:
    """The requests about whole buckets, which moto answers, with moto's buckets and the folders kept the same."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.moto_app = create_backend_app("s3")
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._reconcile()
        self._notifications_path = store.root / OWN_FOLDER / "notifications.json"
        notifications.restore(self._notifications_path)
        store.notify = notifications.send

    def answer(self, request: Request, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Let moto answer, and raise S3Error for what a folder cannot do."""
        is_whole_bucket = request.bucket != "" and not request.subresource
        if request.method == "POST":
            raise S3Error("NotImplemented", "uploads by an HTML form are not emulated here; use a presigned PUT")
        if request.method == "PUT" and request.subresource == "versioning":
            raise S3Error("NotImplemented", "the buckets here keep no versions: an object is one file")
        # All of it comes before the lock is taken: a client that stops in the middle holds up nobody else.
        document = request.read_document()
        if document.lstrip().startswith(b"<"):
            xml.parse(document)
        if request.method == "PUT" and request.subresource == "notification":
            notifications.check(document)
        # With this name moto takes the bucket from the path, whatever the name of the endpoint is.
        environ = {**environ, "HTTP_HOST": "localhost"}
        environ |= {"wsgi.input": io.BytesIO(document), "CONTENT_LENGTH": str(len(document))}
        with self._lock:
            self._reconcile()
            if request.method == "PUT" and is_whole_bucket:
                self._check_new(request)
            elif request.method == "DELETE" and is_whole_bucket:
                self._delete_folder(request.bucket)
            answer = WsgiAnswer.from_app(self.moto_app, environ, buffered=True)
            self._reconcile()
            if request.method in ("PUT", "DELETE"):
                notifications.keep(self._notifications_path)
        # Not earlier: the client may go on as soon as it sees the status, and expects a new bucket to exist.
        start_response(answer.status, list(answer.headers))
        return [answer.data]

    def follow_moto(self) -> None:
        """Make folders of the buckets that another service of moto's has made, such as CloudFormation."""
        if set(notifications.moto_backend().buckets) - self._known:
            with self._lock:
                self._reconcile()
                notifications.keep(self._notifications_path)

    def _check_new(self, request: Request) -> None:
        if not is_bucket_name(request.bucket):
            usage = "use 3 to 63 lower-case letters, digits, hyphens and dots"
            raise S3Error("InvalidBucketName", f"{request.bucket!r} is not a bucket name: {usage}")
        path = self.store.root / request.bucket
        if path.is_symlink() or path.is_file():
            raise S3Error("InvalidBucketName", f"{path} is a link or a file: remove it, or choose another name")
        if request.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
            raise S3Error("NotImplemented", "the buckets here keep no versions, so objects cannot be locked")

    def _reconcile(self) -> None:
        """Make moto's buckets of new folders and folders of new buckets, and forget buckets whose folder is gone."""
        buckets = notifications.moto_backend().buckets
        folders = set(self.store.bucket_names())
        for name in set(buckets) - folders - self._known:
            (self.store.root / name).mkdir()
            logger.info("made the bucket %s", name)
        for name in (set(buckets) & self._known) - folders:
            notifications.moto_backend().delete_bucket(name)
            logger.info("forgot the bucket %s: its folder is gone", name)
        for name in folders - set(buckets):
            bucket = notifications.moto_backend().create_bucket(name, REGION)
            bucket.creation_date = datetime.fromtimestamp((self.store.root / name).stat().st_mtime, UTC)
        self._known = set(buckets)

    def _delete_folder(self, bucket: str) -> None:
        path = self.store.find_bucket(bucket)
        if next(walk(self.store, bucket), None) is not None:
            raise S3Error("BucketNotEmpty", f"the bucket {bucket!r} holds objects; delete them first")
        for upload in uploads.uploads_of(self.store, bucket):
            uploads.abort(self.store, upload)
        for folder, _, names in os.walk(path, topdown=False):
            for name in names:
                file = Path(folder, name)
                if is_hidden(str(file.relative_to(path))):
                    file.unlink(missing_ok=True)
            try:
                Path(folder).rmdir()
            except OSError as error:
                raise S3Error(
                    "BucketNotEmpty", f"{folder} holds something that is not an object or was just written; remove it"
                ) from error

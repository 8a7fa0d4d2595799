"""Multipart uploads: one folder each and one file per part until they are one object. A restart keeps them."""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from local_aws.s3.files.catalog import FileVersion, ObjectFacts
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.writer import WriteCondition, publish
from local_aws.s3.protocol.errors import S3Error

MIN_PART_BYTES = 5 << 20
"""The limit for every part but the last."""
_RECORD = "upload.json"


@dataclass(frozen=True, slots=True)
class Upload:
    """The facts that a client gave when it began the upload."""

    upload_id: str
    bucket: str
    key: str
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    initiated_ns: int


class Part(NamedTuple):
    """A part, whose file is named `<number>.<md5>`."""

    number: int
    etag: str
    version: FileVersion
    path: Path

    @classmethod
    def of(cls, path: Path) -> "Part":
        number, _, etag = path.name.partition(".")
        return cls(int(number), etag, FileVersion.of(path.stat()), path)


def begin(store: ObjectStore, bucket: str, key: str, headers: Mapping[str, str], tags: Mapping[str, str]) -> Upload:
    upload = Upload(uuid.uuid4().hex, bucket, key, headers, tags, time.time_ns())
    folder = store.uploads / upload.upload_id
    folder.mkdir()
    (folder / _RECORD).write_text(json.dumps(asdict(upload)))
    return upload


def _load(folder: Path) -> Upload | None:
    try:
        return Upload(**json.loads((folder / _RECORD).read_text()))
    except (OSError, ValueError):  # just begun or ended, or emptied by a power cut
        return None


def find(store: ObjectStore, bucket: str, key: str, upload_id: str) -> Upload:
    upload = _load(store.uploads / upload_id) if upload_id.isalnum() else None
    if upload is None or (upload.bucket, upload.key) != (bucket, key):
        message = f"there is no upload {upload_id!r} of {key!r}; it may have been completed or aborted"
        raise S3Error("NoSuchUpload", message)
    return upload


def uploads_of(store: ObjectStore, bucket: str) -> list[Upload]:
    """List the uploads of a bucket in the order of their keys."""
    uploads = [upload for folder in store.uploads.iterdir() if (upload := _load(folder)) and upload.bucket == bucket]
    return sorted(uploads, key=lambda upload: (upload.key, upload.initiated_ns))


def add_part(store: ObjectStore, upload: Upload, number: int, scratch: BinaryIO, md5: str) -> Part:
    """Make a scratch file a part, instead of an earlier part with the same number."""
    scratch.flush()
    path = store.uploads / upload.upload_id / f"{number:05}.{md5}"
    try:
        Path(scratch.name).rename(path)
    except FileNotFoundError as error:
        raise S3Error("NoSuchUpload", f"the upload of {upload.key!r} was completed or aborted meanwhile") from error
    for earlier in path.parent.glob(f"{number:05}.*"):
        if earlier != path:
            earlier.unlink(missing_ok=True)
    return Part.of(path)


def parts_of(store: ObjectStore, upload: Upload) -> list[Part]:
    """List the parts of an upload by number."""
    return [Part.of(path) for path in sorted((store.uploads / upload.upload_id).iterdir()) if path.name != _RECORD]


def _chosen_parts(store: ObjectStore, upload: Upload, wanted: list[tuple[int, str]]) -> list[Part]:
    """Return the parts that a completion names by number and ETag, and raise S3Error for what S3 would not join."""
    if not wanted:
        raise S3Error("MalformedXML", "the completion of an upload names at least one part")
    by_number = {part.number: part for part in parts_of(store, upload)}
    numbers = [number for number, _ in wanted]
    if numbers != sorted(set(numbers)):
        raise S3Error("InvalidPartOrder", f"parts have to be named in the order of their numbers, not {numbers}")
    for number, etag in wanted:
        if number not in by_number or by_number[number].etag != etag:
            raise S3Error("InvalidPart", f"part {number} with ETag {etag!r} was not uploaded")
    for number in numbers[:-1]:
        size = by_number[number].version.size
        if size < MIN_PART_BYTES:
            raise S3Error("EntityTooSmall", f"part {number} has {size} bytes; all but the last need {MIN_PART_BYTES}")
    return [by_number[number] for number in numbers]


def complete(store: ObjectStore, upload: Upload, wanted: list[tuple[int, str]], condition: WriteCondition) -> str:
    """Make one object of the parts that are named by number and ETag, and return its ETag."""
    parts = _chosen_parts(store, upload, wanted)
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
    with store.scratch_file() as scratch:
        for part in parts:
            _append(part, scratch)
        facts = ObjectFacts(etag, upload.headers, upload.tags)
        publish(store, upload.bucket, upload.key, scratch, facts, condition, "CompleteMultipartUpload")
    abort(store, upload)
    return etag


def _append(part: Part, target: BinaryIO) -> None:
    left = part.version.size
    with part.path.open("rb") as source:
        while left:
            # The kernel copies, and on some file systems shares the blocks instead.
            copied = os.copy_file_range(source.fileno(), target.fileno(), left)
            if not copied:
                raise S3Error("InternalError", f"{part.path} became shorter while it was read")
            left -= copied


def abort(store: ObjectStore, upload: Upload) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(store.uploads / upload.upload_id)

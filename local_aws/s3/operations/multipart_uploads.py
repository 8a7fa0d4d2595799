"""Operations on multipart uploads: create, upload a part, copy a part, list, complete, abort."""

from __future__ import annotations

from urllib.parse import quote

from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import opened
from local_aws.s3.files.uploads import (
    MAX_PART_NUMBER,
    Upload,
    abort_upload,
    add_part,
    begin_upload,
    chosen_parts,
    complete_upload,
    find_upload,
    parts_of,
    uploads_of,
)
from local_aws.s3.files.writer import WriteCondition, check_writable, folder_error, write_hashed
from local_aws.s3.operations.objects import check_copy_source, copy_source, facts_headers
from local_aws.s3.operations.tags import tags_of_header
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.conditions import parse_range
from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import Request, Response, iso_time, xml_response
from local_aws.s3.protocol.upload_body import plain_chunks, receive

MAX_PAGE = 1000


def _upload(store: ObjectStore, request: Request) -> Upload:
    return find_upload(store, request.bucket, request.key, request.query["uploadId"])


def create(store: ObjectStore, request: Request) -> Response:
    check_writable(store, request.bucket, request.key)
    if request.key.endswith("/"):
        raise folder_error(request.key)
    headers, tags = facts_headers(request.headers), tags_of_header(request.headers)
    upload = begin_upload(store, request.bucket, request.key, headers, tags)
    node = {"Bucket": request.bucket, "Key": request.key, "UploadId": upload.upload_id}
    return xml_response("InitiateMultipartUploadResult", node)


def upload_part(store: ObjectStore, request: Request) -> Response:
    upload = _upload(store, request)
    number = request.integer("partNumber", 0, 1, MAX_PART_NUMBER + 1)
    with store.scratch_file() as scratch:
        receipt = receive(request, scratch[1])
        add_part(store, upload, number, scratch, receipt.md5)
    return Response(200, {"ETag": f'"{receipt.md5}"', **receipt.checksums})


def copy_part(store: ObjectStore, request: Request) -> Response:
    upload = _upload(store, request)
    number = request.integer("partNumber", 0, 1, MAX_PART_NUMBER + 1)
    with opened(store, *copy_source(request)) as source, store.scratch_file() as scratch:
        check_copy_source(request, source)
        if source.file is None:
            raise S3Error("InvalidRequest", "a folder holds no bytes to make a part of")
        text = request.headers.get("x-amz-copy-source-range")
        span = parse_range(text, source.version.size) if text else range(source.version.size)
        if span is None:
            raise S3Error("InvalidArgument", f"x-amz-copy-source-range should be bytes=first-last, not {text!r}")
        source.file.seek(span.start)
        md5 = write_hashed(plain_chunks(source.file, len(span)), scratch[1])
        part = add_part(store, upload, number, scratch, md5)
    return xml_response("CopyPartResult", {"LastModified": iso_time(part.mtime_ns), "ETag": f'"{md5}"'})


def complete(store: ObjectStore, request: Request) -> Response:
    upload = _upload(store, request)
    document = xml.parse(request.read_document(), "CompleteMultipartUpload")
    wanted = [
        (xml.child_integer(part, "PartNumber"), xml.child_text(part, "ETag").strip('"'))
        for part in document.iterfind("Part")
    ]
    parts = chosen_parts(parts_of(store, upload), wanted)
    etag = complete_upload(store, upload, parts, WriteCondition.of(request.headers))
    location = f"/{request.bucket}/{quote(request.key)}"
    node = {"Location": location, "Bucket": request.bucket, "Key": request.key, "ETag": f'"{etag}"'}
    return xml_response("CompleteMultipartUploadResult", node)


def abort(store: ObjectStore, request: Request) -> Response:
    abort_upload(store, _upload(store, request))
    return Response(204)


def list_parts(store: ObjectStore, request: Request) -> Response:
    upload = _upload(store, request)
    after = request.integer("part-number-marker", 0, 0, MAX_PART_NUMBER)
    limit = request.integer("max-parts", MAX_PAGE, 0, MAX_PAGE)
    left = [part for part in parts_of(store, upload) if part.number > after]
    page = left[:limit]
    node: dict[str, xml.Node] = {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "StorageClass": "STANDARD",
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": limit,
        "IsTruncated": len(left) > len(page),
        "Part": [
            {
                "PartNumber": part.number,
                "LastModified": iso_time(part.mtime_ns),
                "ETag": f'"{part.etag}"',
                "Size": part.size,
            }
            for part in page
        ],
    }
    return xml_response("ListPartsResult", node)


def list_uploads(store: ObjectStore, request: Request) -> Response:
    """List all uploads in one page."""
    store.find_bucket(request.bucket)
    prefix = request.query.get("prefix", "")
    uploads = [upload for upload in uploads_of(store, request.bucket) if upload.key.startswith(prefix)]
    node: dict[str, xml.Node] = {
        "Bucket": request.bucket,
        "Prefix": prefix,
        "MaxUploads": max(len(uploads), 1),
        "IsTruncated": False,
        "Upload": [
            {
                "Key": upload.key,
                "UploadId": upload.upload_id,
                "StorageClass": "STANDARD",
                "Initiated": iso_time(upload.initiated_ns),
            }
            for upload in uploads
        ],
    }
    return xml_response("ListMultipartUploadsResult", node)

"""Operations on multipart uploads: create, upload a part, copy a part, list, complete, abort."""

from contextlib import closing
from urllib.parse import quote

from local_aws.s3.files import uploads
from local_aws.s3.files.catalog import STORAGE_CLASS
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import open_object
from local_aws.s3.files.writer import WriteCondition
from local_aws.s3.operations.objects import check_copy_source, copy_bytes, copy_source, facts_headers
from local_aws.s3.operations.tags import tags_of_header
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.conditions import parse_range
from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import MAX_KEYS, Request, Response, iso_time, parse_number, xml_response
from local_aws.s3.protocol.upload_body import receive

MAX_PART_NUMBER = 10_000


def _upload(store: ObjectStore, request: Request) -> uploads.Upload:
    return uploads.find(store, request.bucket, request.key, request.query["uploadId"])


def create(store: ObjectStore, request: Request) -> Response:
    store.writable_path(request.bucket, request.key)
    headers, tags = facts_headers(request.headers), tags_of_header(request.headers)
    upload = uploads.begin(store, request.bucket, request.key, headers, tags)
    node = {"Bucket": request.bucket, "Key": request.key, "UploadId": upload.upload_id}
    return xml_response("InitiateMultipartUploadResult", node)


def _part_number(request: Request) -> int:
    number = request.integer("partNumber", 0, MAX_PART_NUMBER + 1)
    if not 1 <= number <= MAX_PART_NUMBER:
        raise S3Error("InvalidArgument", f"parts are numbered 1 to {MAX_PART_NUMBER}, not {number}")
    return number


def upload_part(store: ObjectStore, request: Request) -> Response:
    upload, number = _upload(store, request), _part_number(request)
    with store.scratch_file() as scratch:
        md5, checksums = receive(request, scratch)
        uploads.add_part(store, upload, number, scratch, md5)
    return Response(200, {"ETag": f'"{md5}"', **checksums})


def copy_part(store: ObjectStore, request: Request) -> Response:
    upload, number = _upload(store, request), _part_number(request)
    with closing(open_object(store, *copy_source(request))) as source, store.scratch_file() as scratch:
        check_copy_source(request, source)
        text = request.headers.get("x-amz-copy-source-range")
        span = parse_range(text, source.version.size) if text else range(source.version.size)
        if span is None:
            raise S3Error("InvalidArgument", f"x-amz-copy-source-range should be bytes=first-last, not {text!r}")
        md5 = copy_bytes(source, span, scratch)
        part = uploads.add_part(store, upload, number, scratch, md5)
    return xml_response("CopyPartResult", {"LastModified": iso_time(part.version.mtime_ns), "ETag": f'"{md5}"'})


def complete(store: ObjectStore, request: Request) -> Response:
    upload = _upload(store, request)
    document = xml.parse(request.read_document(), "CompleteMultipartUpload")
    named = [(xml.child_text(part, "PartNumber"), xml.child_text(part, "ETag")) for part in document.iterfind("Part")]
    wanted = [(parse_number("PartNumber", number, "MalformedXML"), etag.strip('"')) for number, etag in named]
    etag = uploads.complete(store, upload, wanted, WriteCondition.of(request.headers))
    location = f"/{request.bucket}/{quote(request.key)}"
    node = {"Location": location, "Bucket": request.bucket, "Key": request.key, "ETag": f'"{etag}"'}
    return xml_response("CompleteMultipartUploadResult", node)


def abort(store: ObjectStore, request: Request) -> Response:
    uploads.abort(store, _upload(store, request))
    return Response(204)


def list_parts(store: ObjectStore, request: Request) -> Response:
    upload = _upload(store, request)
    after = request.integer("part-number-marker", 0, MAX_PART_NUMBER)
    limit = request.integer("max-parts", MAX_KEYS, MAX_KEYS)
    left = [part for part in uploads.parts_of(store, upload) if part.number > after]
    page = left[:limit]
    node: dict[str, xml.Node] = {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "StorageClass": upload.headers.get(STORAGE_CLASS, "STANDARD"),
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": limit,
        "IsTruncated": len(left) > len(page),
        "Part": [
            {
                "PartNumber": part.number,
                "LastModified": iso_time(part.version.mtime_ns),
                "ETag": f'"{part.etag}"',
                "Size": part.version.size,
            }
            for part in page
        ],
    }
    return xml_response("ListPartsResult", node)


def list_uploads(store: ObjectStore, request: Request) -> Response:
    """List all uploads in one page."""
    store.find_bucket(request.bucket)
    prefix = request.query.get("prefix", "")
    found = [upload for upload in uploads.uploads_of(store, request.bucket) if upload.key.startswith(prefix)]
    node: dict[str, xml.Node] = {
        "Bucket": request.bucket,
        "Prefix": prefix,
        "MaxUploads": max(len(found), 1),
        "IsTruncated": False,
        "Upload": [
            {
                "Key": upload.key,
                "UploadId": upload.upload_id,
                "StorageClass": upload.headers.get(STORAGE_CLASS, "STANDARD"),
                "Initiated": iso_time(upload.initiated_ns),
            }
            for upload in found
        ],
    }
    return xml_response("ListMultipartUploadsResult", node)

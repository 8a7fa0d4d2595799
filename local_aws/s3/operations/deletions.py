"""Operations that delete: DeleteObject and DeleteObjects."""

from collections.abc import Callable

from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.writer import WriteCondition, delete_object
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.conditions import check_version
from local_aws.s3.protocol.errors import S3Error, as_s3_error
from local_aws.s3.protocol.messages import MAX_KEYS, Request, Response, xml_response


def delete_one(store: ObjectStore, request: Request) -> Response:
    check_version(request.query.get("versionId", "null"))
    delete_object(store, request.bucket, request.key, WriteCondition.of(request.headers))
    return Response(204)


def delete_many(store: ObjectStore, request: Request, fails: Callable[[], bool]) -> Response:
    """Delete up to MAX_KEYS objects; those for which `fails` says so are answered with an error of S3's own."""
    store.find_bucket(request.bucket)
    document = xml.parse(request.read_document(), "Delete")
    entries = document.findall("Object")
    if not 1 <= len(entries) <= MAX_KEYS:
        raise S3Error("MalformedXML", f"one request deletes 1 to {MAX_KEYS} objects, not {len(entries)}")
    deleted: list[xml.Node] = []
    errors: list[xml.Node] = []
    for entry in entries:
        key, etag = xml.child_text(entry, "Key"), entry.findtext("ETag")
        try:
            if fails():
                raise S3Error("InternalError", "We encountered an internal error. Please try again.")
            check_version(entry.findtext("VersionId", "null"))
            delete_object(store, request.bucket, key, WriteCondition(if_match=etag and etag.strip('"')))
        except (S3Error, OSError) as failure:
            error = as_s3_error(failure)
            errors.append({"Key": key, "Code": error.code, "Message": str(error)})
        else:
            deleted.append({"Key": key})
    shown: list[xml.Node] = [] if document.findtext("Quiet") == "true" else deleted
    return xml_response("DeleteResult", {"Deleted": shown, "Error": errors})

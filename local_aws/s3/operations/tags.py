"""Operations on the tags of objects, which come as a header or as XML."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from urllib.parse import parse_qsl

from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import open_object
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import Request, Response, xml_response

MAX_TAGS, MAX_TAG_KEY, MAX_TAG_VALUE = 10, 128, 256


def _checked(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise S3Error("InvalidTag", f"the tag {key!r} is given twice")
        if not 1 <= len(key) <= MAX_TAG_KEY or len(value) > MAX_TAG_VALUE:
            raise S3Error("InvalidTag", f"a tag has 1 to {MAX_TAG_KEY} characters and its value up to {MAX_TAG_VALUE}")
        tags[key] = value
    if len(tags) > MAX_TAGS:
        raise S3Error("InvalidTag", f"an object has at most {MAX_TAGS} tags, not {len(tags)}")
    return tags


def tags_of_header(headers: Mapping[str, str]) -> dict[str, str]:
    return _checked(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True))


def _replace_tags(store: ObjectStore, request: Request, tags: Mapping[str, str]) -> None:
    with store.lock(request.bucket, request.key), closing(open_object(store, request.bucket, request.key)) as found:
        store.catalog.record(request.bucket, request.key, found.version, replace(found.facts, tags=tags))


def get_tags(store: ObjectStore, request: Request) -> Response:
    with closing(open_object(store, request.bucket, request.key)) as found:
        tags = [{"Key": key, "Value": value} for key, value in found.facts.tags.items()]
    return xml_response("Tagging", {"TagSet": {"Tag": tags}})


def put_tags(store: ObjectStore, request: Request) -> Response:
    document = xml.parse(request.read_document(), "Tagging")
    pairs = ((xml.child_text(tag, "Key"), xml.child_text(tag, "Value")) for tag in document.iterfind("TagSet/Tag"))
    _replace_tags(store, request, _checked(pairs))
    return Response()


def delete_tags(store: ObjectStore, request: Request) -> Response:
    _replace_tags(store, request, {})
    return Response(204)

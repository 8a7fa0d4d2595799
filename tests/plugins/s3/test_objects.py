"""A conditional write is done, or somebody else was first."""

import json
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emr_pipeline.s3 import objects
from emr_pipeline.s3.objects import delete_keys, etag_of, find_json, put_json_if, update_json

URI = "s3://pictures/published/x.json"


def read(s3: Any) -> tuple[Any, str]:
    content, answer = find_json(s3, URI)
    return content, answer["ETag"]


def test_the_first_write_is_done_and_a_second_that_saw_nothing_is_not(s3: Any) -> None:
    assert put_json_if(s3, URI, {"by": 1}, None)
    assert not put_json_if(s3, URI, {"by": 2}, None)
    assert read(s3)[0] == {"by": 1}


def test_a_write_that_saw_what_is_there_is_done_and_one_that_saw_older_is_not(s3: Any) -> None:
    put_json_if(s3, URI, {"by": 1}, None)
    etag = read(s3)[1]

    assert put_json_if(s3, URI, {"by": 2}, etag)
    assert not put_json_if(s3, URI, {"by": 3}, etag)
    assert read(s3)[0] == {"by": 2}


def test_what_was_deleted_meanwhile_is_not_written_again(s3: Any) -> None:
    put_json_if(s3, URI, {"by": 1}, None)
    etag = read(s3)[1]
    s3.delete_object(Bucket="pictures", Key="published/x.json")

    assert not put_json_if(s3, URI, {"by": 2}, etag)
    assert etag_of(s3, URI) is None


def test_a_bucket_that_is_gone_is_an_error_and_not_somebody_elses_write(s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        put_json_if(s3, "s3://no-such-bucket/x.json", {}, "an etag")


def test_an_etag_has_no_quotes(s3: Any) -> None:
    put_json_if(s3, URI, {"by": 1}, None)

    assert etag_of(s3, URI) == json.loads(read(s3)[1])


def test_keys_are_deleted_and_others_stay(s3: Any) -> None:
    for key in ("a", "b", "c \u00e9+%"):
        s3.put_object(Bucket="pictures", Key=key, Body=b"")

    delete_keys(s3, "pictures", ["a", "c \u00e9+%"])

    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="pictures")["Contents"]] == ["b"]


@pytest.mark.parametrize(("code", "times", "is_deleted"), [("InternalError", 2, True), ("AccessDenied", 1, False)])
def test_a_key_that_s3_was_too_busy_for_is_deleted_by_a_repeat_and_a_refused_one_is_an_error(
    s3: Any, monkeypatch: pytest.MonkeyPatch, code: str, times: int, is_deleted: bool
) -> None:
    s3.put_object(Bucket="pictures", Key="a", Body=b"")
    answers = [{"Errors": [{"Key": "a", "Code": code, "Message": "not now"}]}] * times
    delete = s3.delete_objects
    monkeypatch.setattr(s3, "delete_objects", lambda **request: answers.pop() if answers else delete(**request))

    with nullcontext() if is_deleted else pytest.raises(RuntimeError, match="s3://pictures/a: AccessDenied"):
        delete_keys(s3, "pictures", ["a"])

    assert ("Contents" in s3.list_objects_v2(Bucket="pictures")) is not is_deleted


def test_an_object_that_is_no_json_or_too_large_for_one_is_read_as_null(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "MOST_JSON_BYTES", 1000)
    for body in (b"{", b"\xff", b"[" * 900, json.dumps({"long": "x" * 1000}).encode()):
        s3.put_object(Bucket="pictures", Key="published/x.json", Body=body)

        assert read(s3)[0] is None
    assert find_json(s3, "s3://pictures/published/none.json") == (None, {})


def test_a_change_that_another_writer_overtakes_is_made_again_of_what_that_one_wrote(s3: Any) -> None:
    seen = []

    def change(content: Any, _: Any) -> Any:
        seen.append(content)
        if len(seen) == 1:
            put_json_if(s3, URI, {"by": "another"}, None)
        return {"after": content}

    assert update_json(s3, URI, change) == {"after": {"by": "another"}} == read(s3)[0]
    assert seen == [None, {"by": "another"}]

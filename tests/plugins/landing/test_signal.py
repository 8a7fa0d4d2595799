"""The age of a signal is S3's own business: no machine's clock is compared with another's."""

import io
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from emr_pipeline.landing.decisions import Signal, signalled_already
from emr_pipeline.s3.objects import find_json
from emr_pipeline.snapshots.snapshot import inventory_of

SIGNAL = Signal(digest="d", by="scheduled__1", token="t", age_s=100)


class S3WithClock:
    """Answers by a clock of its own."""

    def __init__(self, now: datetime, written: datetime) -> None:
        self.now, self.written = now, written

    def get_object(self, **_: Any) -> dict[str, Any]:
        headers = {"date": format_datetime(self.now, usegmt=True)}
        body = io.BytesIO(b'{"digest": "d", "by": "r", "token": "t"}')
        return {
            "Body": body,
            "ETag": '"e"',
            "LastModified": self.written,
            "ResponseMetadata": {"HTTPHeaders": headers},
        }


@pytest.mark.parametrize("off_by", [timedelta(0), timedelta(hours=1), timedelta(hours=-1), timedelta(days=400)])
def test_a_signals_age_does_not_depend_on_how_wrong_s3s_clock_is(off_by: timedelta) -> None:
    now = datetime.now(UTC).replace(microsecond=0) + off_by

    found = Signal.of(*find_json(S3WithClock(now, now - timedelta(seconds=90)), "s3://b/landed/latest.json"))

    assert found == Signal(digest="d", by="r", token="t", age_s=90)


@pytest.mark.parametrize(
    ("digest", "last", "retry_s", "is_due"),
    [
        ("d", None, 100, True),
        ("e", SIGNAL, 1000, True),
        ("d", SIGNAL, 101, False),
        ("d", SIGNAL, 100, True),
        ("d", SIGNAL, 0, True),
    ],
)
def test_a_signal_is_due_for_another_listing_or_after_the_retry_time(
    digest: str, last: Signal | None, retry_s: int, is_due: bool
) -> None:
    assert (signalled_already(digest, last, retry_s) is None) == is_due


@pytest.mark.parametrize(
    ("published", "inventory_uri"),
    [
        (None, None),
        ({"schema_version": 1, "run_uri": "s3://b/runs/r"}, None),
        ({"source_uri": "s3://b/landing", "inventory_uri": "s3://b/i"}, "s3://b/i"),
        ({"source_uri": "s3://b/landing/", "inventory_uri": "s3://b/i"}, "s3://b/i"),
        ({"source_uri": "s3://b/landing/x", "inventory_uri": "s3://b/i"}, None),
        ({"source_uri": "s3://b/landing"}, None),
    ],
)
def test_a_listing_is_compared_with_one_of_the_same_source_or_with_none(
    published: dict[str, Any] | None, inventory_uri: str | None
) -> None:
    assert inventory_of(published, "s3://b/landing") == inventory_uri

"""The line that a person reads while a step runs."""

import pytest

from emr_pipeline.emr.wait_messages import duration_text, progress_text, waiting_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (187, "3 min 7 s"),
        (3600, "1 h 0 min"),
        (21599, "5 h 59 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_a_duration_is_said_in_the_units_that_matter(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_the_count_is_said_when_the_stage_wrote_one() -> None:
    counted = {"state": "running", "done": 12000, "total": 24000, "unit": "images"}

    assert progress_text("RUNNING", counted) == "RUNNING, 12,000 of 24,000 images"
    assert progress_text("PENDING", None) == "PENDING"
    assert progress_text("RUNNING", counted | {"total": None}) == "RUNNING"


def test_the_wait_says_how_long_it_was_and_may_be() -> None:
    assert waiting_text("ingest_images", "RUNNING", 61, 7200) == (
        "ingest_images: RUNNING; waited 1 min 1 s of at most 2 h 0 min"
    )

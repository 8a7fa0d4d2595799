"""No damage to an image makes an exception, in sniffing, decoding, EXIF or thumbnails."""

import logging
import os
import random
import time

import pytest

from tests.spark_jobs.images import fuzz

SECONDS = 8


@pytest.mark.slow
def test_damaged_images_are_decoded_or_rejected() -> None:
    seed = int(os.environ.get("FUZZ_SEED") or random.randrange(10**6))
    logging.getLogger(__name__).warning("the seed of this run: FUZZ_SEED=%d", seed)
    until = time.monotonic() + SECONDS
    outcomes = fuzz.run(seed, lambda _: time.monotonic() > until)
    assert outcomes["decoded"] > 100, outcomes
    assert outcomes["decode_failed"] > 100, outcomes

"""A photograph that kills, breaks or stalls its decoder is a reject of its own, and the run goes on."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

import featurize_images
from image_features.featurize import decode_process
from image_features.featurize.batches import FeaturizeOptions
from image_features.featurize.decode_process import decode_apart
from image_features.images.decode import Seen, see_image
from image_features.rejects import Reject
from tests.spark_jobs import pictures
from tests.spark_jobs.runs_for_tests import Run, make_mean_colors, use_predict_fn

decode = partial(see_image, side_px=8, resize="bilinear")


def dies(content: bytes) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def crashes(content: bytes) -> Any:
    os.kill(os.getpid(), signal.SIGSEGV)


def wants_too_much(content: bytes) -> Any:
    return np.ones(decode_process.BYTES_PER_PHOTOGRAPH, np.uint8)


def fails(content: bytes) -> Any:
    raise AttributeError("no such tag")


def never_ends(content: bytes) -> Any:
    time.sleep(60)


@pytest.mark.parametrize("content", [pictures.jpeg(), pictures.truncated_jpeg()], ids=["sound", "cut"])
def test_what_is_decoded_apart_is_what_is_decoded_at_once(content: bytes) -> None:
    apart, at_once = decode_apart(decode, content), decode(content)
    if isinstance(at_once, Reject):
        assert apart == at_once
    else:
        assert isinstance(apart, Seen)
        assert apart.look == at_once.look
        np.testing.assert_array_equal(apart.pixels, at_once.pixels)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decode", "reason", "detail"),
    [
        (dies, "out_of_memory", "exit code -9"),
        (crashes, "killed_the_decoder", "exit code -11"),
        (wants_too_much, "killed_the_decoder", "MemoryError"),
        (fails, "killed_the_decoder", "AttributeError: no such tag"),
        (never_ends, "too_slow", "seconds"),
    ],
)
def test_a_decoder_that_gives_no_answer_makes_a_reject(
    monkeypatch: pytest.MonkeyPatch, decode: Callable[[bytes], Any], reason: str, detail: str
) -> None:
    monkeypatch.setattr(decode_process, "SECONDS_PER_PHOTOGRAPH", 1.0 if decode is never_ends else 30.0)
    outcome = decode_apart(decode, b"a photograph")
    assert isinstance(outcome, Reject)
    assert outcome.reason == reason
    assert detail in str(outcome.detail)


def kills_its_worker_at(deadly: bytes, error: type[Exception] | None) -> Callable[..., Any]:
    """A decoder that one content ends by a signal, or by an error that no reject is made of."""

    def decode_or_die(content: bytes) -> Any:
        if content == deadly:
            if error:
                raise error("by this photograph")
            os.kill(os.getpid(), signal.SIGSEGV)
        return decode(content)

    return decode_or_die


@pytest.mark.slow
@pytest.mark.parametrize("error", [None, MemoryError], ids=["signal", "memory"])
def test_a_photograph_that_kills_its_worker_is_named_and_the_run_goes_on(
    spark: SparkSession, prefix_uri: str, monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None
) -> None:
    use_predict_fn(monkeypatch, make_mean_colors())
    deadly = kills_its_worker_at(pictures.jpeg(3), error)
    monkeypatch.setattr(featurize_images, "FeaturizeOptions", lambda _, *rest: FeaturizeOptions(deadly, *rest))
    run = Run(prefix_uri)
    run.put({f"Apple/{seed}.jpg": pictures.jpeg(seed) for seed in range(6)})
    run.both("--weights=random:0")
    assert set(run.rows(spark, "features")) == {f"Apple/{seed}.jpg" for seed in (0, 1, 2, 4, 5)}
    (path, reject), *others = run.rows(spark, "rejects").items()
    assert (path, reject.reason, others) == ("Apple/3.jpg", "killed_the_decoder", [])
    assert ("MemoryError" if error else "exit code -11") in reject.detail
    assert run.stats("featurize_images")["rejects"] == {"killed_the_decoder": 1}

"""What a process of its own answers, and that it is told when it does not."""

import os
import signal

import pytest

from image_features.errors import ArgumentError, SchemaMismatchError
from image_features.networks.subprocess_call import ProcessLostError, in_own_process


def _process_id(plus: int) -> tuple[int, int]:
    return os.getpid() + plus, plus


def _refuse() -> None:
    raise SchemaMismatchError("s3://b/x", missing=["a"], unexpected=[])


def _fail() -> None:
    raise RuntimeError("not one of ours")


def _be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_it_answers_from_another_process() -> None:
    number, plus = in_own_process(_process_id, 3)
    assert plus == 3
    assert number - plus != os.getpid()


def test_an_error_of_ours_is_raised_here_as_it_was() -> None:
    with pytest.raises(SchemaMismatchError, match="missing columns \\['a'\\]") as raised:
        in_own_process(_refuse)
    assert (raised.value.uri, raised.value.missing) == ("s3://b/x", ("a",))


def test_any_other_end_is_told_and_its_traceback_was_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProcessLostError, match="_fail: its process ended with exit code 1"):
        in_own_process(_fail)
    assert "RuntimeError: not one of ours" in capfd.readouterr().err
    with pytest.raises(ProcessLostError, match="exit code -9; a machine that has no memory left"):
        in_own_process(_be_killed)


def test_an_error_is_pickled_whole_however_its_constructor_is() -> None:
    error = ArgumentError("--n", 0, "more")
    error.remedy = "give more"  # type: ignore[attr-defined]
    made, (kind, args, attributes) = error.__reduce__()
    again = made(kind, args, attributes)
    assert (type(again), str(again), again.remedy) == (ArgumentError, str(error), "give more")

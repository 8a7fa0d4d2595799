"""A sweep says which combination is best, and how far off its projection was."""

from typing import Any

import pytest

from benchmarks.cost import read_prices
from benchmarks.executors import ONE_PROCESS
from benchmarks.sweep import best, cores_of, fitted, text

BEST = "2 executors of 1 core"


def result(images: int, **seconds: float) -> dict[str, Any]:
    named = {"one": ONE_PROCESS, "two": "1 executor of 2 cores", "best": BEST}
    runs = [{"variant": named[name], "seconds": spent, "cpu_s": 2 * spent} for name, spent in seconds.items()]
    return {"backbone": "mobilenet_v2", "images": images, "photos": "fruits", "cores": 2, "runs": runs}


SWEPT = result(300, one=20.0, two=50.0, best=40.0)


def test_the_best_combination_is_the_fastest_that_a_cluster_can_have() -> None:
    assert best(SWEPT) == BEST
    assert [cores_of(name) for name in (BEST, "1 executor of 2 cores", "3 executors of 4 cores")] == [2, 2, 12]
    with pytest.raises(ValueError, match="is no combination"):
        cores_of(ONE_PROCESS)


def test_two_numbers_of_photographs_tell_the_fixed_time_from_that_of_each() -> None:
    times = fitted([SWEPT, result(100, best=30.0)], BEST)

    # 200 photographs more take 10 s more on two cores.
    assert times.fixed_s == 25.0
    assert times.image_core_s == pytest.approx(0.1)
    assert times.seconds(900, 2) == pytest.approx(70.0)
    assert times.seconds(900, 4) == pytest.approx(47.5)


def test_the_page_has_table_chart_projection_and_how_far_off_it_was() -> None:
    page = text([result(900, best=87.5), SWEPT, result(100, best=30.0)], read_prices())

    # Two cores are four vCPU, one machine of 0.315 dollars an hour.
    assert "| 2 executors of 1 core | 40.0 | 80 | 7.5 | 0.35 |" in page
    assert "bar [20.0, 50.0, 40.0]" in page
    assert "The best combination is 2 executors of 1 core. From 100 and 300 photographs: 25.0 s" in page
    assert "Tried at 900: projected 70.0 s, took 87.5 s, so the projection was -20% off." in page
    # Two machines of two cores: 1,000,000 x 0.1 / 4 s, 25 s and 6 minutes, on three machines with the primary one.
    assert "| 1,000,000 | 423 min, 6.66 $ |" in page


def test_without_a_third_number_nothing_is_projected() -> None:
    page = text([SWEPT], read_prices())
    assert "The best combination is" in page
    assert "machines" not in page

"""Examples in the docstrings of the jobs' library."""

import pytest

from tests.examples import modules_with_examples, run_examples


@pytest.mark.parametrize("module", modules_with_examples("spark_jobs"))
def test_examples_in_docstrings_are_true(module: str) -> None:
    run_examples(module)

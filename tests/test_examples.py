"""Examples in the docstrings of Airflow's side, the tools, the endpoint and the contract."""

import pytest

from tests.examples import modules_with_examples, run_examples


@pytest.mark.parametrize("module", modules_with_examples("plugins", "tools", "local_aws", "run_contract"))
def test_examples_in_docstrings_are_true(module: str) -> None:
    run_examples(module)

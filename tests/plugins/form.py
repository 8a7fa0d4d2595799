"""What the form gives a task: each param once, for every test that needs them."""

from typing import Any

from run_contract.params import PARAMS as CONTRACT

PARAMS: dict[str, Any] = {
    param.name: list(param.default) if isinstance(param.default, tuple) else param.default for param in CONTRACT
} | {"source_uri": "s3://pictures/landing", "run": "r"}

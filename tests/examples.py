"""The examples in docstrings (doctest), found by module and run as tests of the environment that can import it."""

import doctest
import importlib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def modules_with_examples(*folders: str) -> list[str]:
    """Names of the modules below the folders that hold an example; a folder on the import path is no part of a name."""
    names = []
    for folder in folders:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                place = path.relative_to(REPOSITORY).with_suffix("")
                parts = place.parts[1:] if place.parts[0] in ("plugins", "spark_jobs") else place.parts
                names.append(".".join(part for part in parts if part != "__init__"))
    return names


def run_examples(module: str) -> None:
    """Fail unless every example of the module gives what it says, and there is at least one."""
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0
    assert results.failed == 0, f"examples of {module} failed; they are printed above"

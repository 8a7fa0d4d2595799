"""Botocore reads its models of AWS anew in each session, and tests make many: here a process reads each once."""

import functools
from collections.abc import Callable
from typing import Any

from botocore.loaders import JSONFileLoader


def reading_once() -> Callable[[JSONFileLoader, str], Any]:
    """What stands in for `JSONFileLoader.load_file`."""
    load_file = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
    return lambda self, file_path: load_file(file_path)

"""Command that lists how the running Python's packages differ from a lock file.

    check_environment.py REQUIREMENTS [--import MODULE ...]

Runs on EMR nodes, in any environment, with the standard library and `packaging` (or pip's own copy of it).
"""

import argparse
import importlib
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

try:
    from packaging.markers import Marker
except ImportError:  # A fresh venv has no `packaging`, but it has pip.
    from pip._vendor.packaging.markers import Marker  # type: ignore[no-redef]

SUPPORTED_PYTHONS = ((3, 11), (3, 12))
PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(?P<version>[^\s;\\]+)\s*(;\s*(?P<marker>[^\\]+?))?\s*\\?$"
)


def canonical(name: str) -> str:
    """Return a distribution's name as indexes spell it (PEP 503).

    >>> canonical("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of each pin of a lock file that applies to this interpreter and platform."""
    for line in lock.splitlines():
        match = PIN.match(line)
        if match and (match["marker"] is None or Marker(match["marker"]).evaluate()):
            yield canonical(match["name"]), match["version"]


def differences(lock: str) -> list[str]:
    """Return one line for each pin that is missing here or has another version."""
    installed = {canonical(d.metadata["Name"]): d.version for d in importlib.metadata.distributions()}
    return [
        f"{name}: locked {version}, installed {installed.get(name, 'not at all')}"
        for name, version in pins(lock)
        if installed.get(name) != version
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requirements", type=Path)
    parser.add_argument("--import", dest="modules", nargs="*", default=[], help="modules that must load as well")
    arguments = parser.parse_args()

    lock = arguments.requirements.read_text(encoding="utf-8")
    found = differences(lock)
    if not any(pins(lock)):
        found.append(f"{arguments.requirements}: holds no pin (name==version); is it a lock file?")
    if sys.version_info[:2] not in SUPPORTED_PYTHONS:
        found.append(f"python: locked for 3.11 and 3.12, running {sys.version.split()[0]} ({sys.executable})")
    sys.stderr.writelines(f"{line}\n" for line in found)
    if found:
        return 1
    for module in arguments.modules:
        version = getattr(importlib.import_module(module), "__version__", "unversioned")
        sys.stdout.write(f"{module} {version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

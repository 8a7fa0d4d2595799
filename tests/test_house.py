"""The house stays tidy: small files, nothing of one machine, no package index, an opening line in every module."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MOST_LINES = 400
# CloudFormation takes a stack as one file.
MOST_LINES_OF_A_STACK = 700
# Written by tools, not by people.
GENERATED = re.compile(
    r"(requirements/.*|bootstrap/requirements.*)\.txt|.*\.svg|.*/libraries\.(js|LICENSES\.txt)|.*/package-lock\.json"
)
# Folders of one machine, and the services that packages come from. Brackets keep this file from naming them itself.
MACHINE_PATHS = re.compile(r"(?<![\w.~$}-])/(?:[w]ork|[r]oot|[t]mp|[h]ome)/(?=\w)")
INDEX_HOSTS = re.compile(r"pythonhosted\.[o]rg|pypi\.[o]rg|--(extra-)?index-[u]rl|[a]rtifactory|[d]evpi")


def committed_files() -> list[Path]:
    """What git has or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [REPOSITORY / name for name in listed.stdout.split("\0") if name]
    return [path for path in files if path.is_file()]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in committed_files():
        try:
            found.append((path.relative_to(REPOSITORY).as_posix(), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    assert len(found) > 50, "few files were found: is this test looking in the right place?"
    return found


def test_no_file_is_longer_than_the_cap() -> None:
    lengths = {name: text.count("\n") for name, text in texts() if not GENERATED.fullmatch(name)}
    stack = lengths.pop("infra/fruit-features.yaml")
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}
    assert stack <= MOST_LINES_OF_A_STACK


def test_no_function_is_longer_than_forty_lines_and_no_test_than_sixty() -> None:
    long = {}
    for name, text in texts():
        if name.endswith(".py"):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = (node.end_lineno or 0) - node.lineno + 1
                    if lines > (60 if name.startswith("tests/") else 40):
                        long[f"{name}:{node.name}"] = lines
    assert long == {}


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, INDEX_HOSTS], ids=["paths of one machine", "package indexes"])
def test_no_file_names(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_every_module_says_in_its_first_line_what_it_is() -> None:
    silent = [
        name
        for name, text in texts()
        if name.endswith(".py") and text.strip() and not (ast.get_docstring(ast.parse(text)) or "").strip()
    ]
    assert silent == []


def test_every_script_can_be_executed_and_stops_at_the_first_error() -> None:
    for path in committed_files():
        name = path.relative_to(REPOSITORY).as_posix()
        if path.suffix == ".sh" or name == ".ci/run":
            text = path.read_text(encoding="utf-8")
            if not text.startswith("#!"):
                assert "Sourced by" in text, f"{name}: neither a program nor a sourced file"
                continue
            assert path.stat().st_mode & 0o111, f"{name} is not executable"
            assert re.search(r"^set -(e?)uo pipefail$", text, re.MULTILINE), f"{name}: set -euo pipefail"

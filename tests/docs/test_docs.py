"""The documents lead somewhere: links, headings, targets of the Makefile and settings are all there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emr_pipeline.settings import PREFIX, Settings
from run_contract.param_queries import settable_params
from tests.faults.rows import FAULTS

REPOSITORY = Path(__file__).resolve().parents[2]
LONGEST_LINE = 120
LONGEST_README = 110
# Written by its suite, not by hand.
BY_A_SUITE = "docs/faults.md"
WRITTEN_BY_A_PROGRAM = "<!-- Written by `make reference`"
# Folders that git does not keep.
NOT_OURS = {".git", ".local", ".pytest_cache", "node_modules"}
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE_SPAN = re.compile(r"`[^`\n]+`")
TARGET_IN_PROSE = re.compile(r"`make ([a-z][a-z0-9-]*)\b")
TARGET_IN_CODE = re.compile(r"\s*make ([a-z][a-z0-9-]*)\b")
TARGET_DEFINED = re.compile(r"^([a-z][a-z0-9-]*):", re.MULTILINE)
SETTING = re.compile(rf"^\| `{PREFIX}([A-Z_<>]+)` \|", re.MULTILINE)
# The two variables of the page that stand for several; the page of the params lists those of the second.
ONE_STAGE, ONE_PARAM = "<STAGE>_TIME_LIMIT_S", "<PARAM>"


def documents() -> list[Path]:
    found = [path for path in sorted(REPOSITORY.rglob("*.md")) if not NOT_OURS & {*path.relative_to(REPOSITORY).parts}]
    assert len(found) > 20, "few documents were found: is this test looking in the right place?"
    return found


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def lines_outside_code(path: Path) -> Iterator[tuple[int, str]]:
    """Each line with its number, but for those of code blocks."""
    is_code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code:
            yield number, line


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as a forge makes them from their words."""
    found: set[str] = set()
    for _, line in lines_outside_code(path):
        if re.match(r"#{1,6} ", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip()).lower()
            found.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found


def broken_links(path: Path) -> Iterator[str]:
    for number, line in lines_outside_code(path):
        for target in LINK.findall(CODE_SPAN.sub("", line)):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            place = (path.parent / file).resolve() if file else path
            if not place.exists() or (anchor and anchor not in anchors(place)):
                yield f"{name_of(path)}:{number}: {target}"


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    assert list(broken_links(path)) == []


def test_a_broken_link_and_a_missing_heading_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "REPOSITORY", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "# A page, and `code`\n[good](#a-page-and-code) [bad](#nowhere) [gone](gone.md) [web](https://x.y)\n"
    )
    assert list(broken_links(page)) == ["page.md:2: #nowhere", "page.md:2: gone.md"]


def test_the_readme_stays_short() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def targets_named(path: Path) -> set[str]:
    """The targets between backticks, and those that begin a line of a code block."""
    text = path.read_text(encoding="utf-8")
    outside = {number for number, _ in lines_outside_code(path)}
    in_code = [line for number, line in enumerate(text.splitlines(), start=1) if number not in outside]
    found = [match.group(1) for line in in_code if (match := TARGET_IN_CODE.match(line))]
    return {*found, *TARGET_IN_PROSE.findall(text)}


def test_targets_are_found_in_prose_and_in_code(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Run `make one X=1`, and\nmake your choice.\n```sh\nmake two   # why\n```\n")
    assert targets_named(page) == {"one", "two"}


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_every_target_that_a_document_names_is_in_the_makefile(path: Path) -> None:
    defined = set(TARGET_DEFINED.findall((REPOSITORY / "Makefile").read_text(encoding="utf-8")))
    assert {"run", "test"} <= defined
    assert targets_named(path) - defined == set()


class Recorder(dict[str, str]):
    """An environment that is empty and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(key)
        return default


def test_the_settings_page_lists_exactly_the_variables_that_are_read() -> None:
    environment = Recorder()
    Settings.from_environment(environment)
    read = {name.removeprefix(PREFIX) for name in environment.asked if name.startswith(PREFIX)}
    of_params = {param.setting.removeprefix(PREFIX) for param in settable_params() if not param.is_required}
    assert of_params <= read
    listed = SETTING.findall((REPOSITORY / "docs/reference/settings.md").read_text(encoding="utf-8"))
    assert len(listed) == len(set(listed))
    assert set(listed) == {*(read - of_params), ONE_STAGE, ONE_PARAM}


def long_lines(path: Path) -> list[int]:
    """The numbers of the lines that are too long, where a person can break them: not in tables and links."""
    found, is_generated = [], False
    for number, line in lines_outside_code(path):
        if line.startswith("<!--"):
            # `make bench-report` writes what lies between two such marks.
            is_generated = "end" not in line
        elif len(LINK.sub("", line)) > LONGEST_LINE and not is_generated and not line.lstrip().startswith("|"):
            found.append(number)
    return found


def test_a_long_line_is_noticed_outside_tables_and_generated_parts(tmp_path: Path) -> None:
    page, long = tmp_path / "page.md", "x" * 121
    page.write_text(f"{long}\n| {long} |\n<!-- pca -->\n{long}\n<!-- end -->\n{long}\n```\n{long}\n```\n")
    assert long_lines(page) == [1, 6]


def test_documents_have_lines_of_at_most_120_characters() -> None:
    by_hand = {
        name_of(path): long_lines(path)
        for path in documents()
        if name_of(path) != BY_A_SUITE and WRITTEN_BY_A_PROGRAM not in path.read_text(encoding="utf-8")
    }
    assert {name: lines for name, lines in by_hand.items() if lines} == {}


def test_the_readme_counts_the_faults_of_the_table() -> None:
    table = (REPOSITORY / BY_A_SUITE).read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if re.match(r"\| (?!fault \|)[^-]", line)]
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")

    written = {row.split(" | ")[0].removeprefix("| ") for row in rows}

    assert written <= {fault.name for fault in FAULTS}
    assert f"{len(written - {fault.name for fault in FAULTS if fault.is_control})} faults are injected" in readme

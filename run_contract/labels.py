"""Label, split and group of a photograph: from its path below the source, and from a labels file that goes first."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from run_contract.param import YES_OR_NO

SPLITS = ("Training", "Test", "Validation")
PARENT, KIND_VARIETY = "parent", "kind/variety"
PRESETS = (PARENT, KIND_VARIETY)
NAMES = ("label", "split", "group")
COLUMNS = ("path", *NAMES, "exclude", "note")
"""The columns of a labels file; only `path` must be there, and `note` is for people."""
REFUSE, WARN = "refuse", "warn"
"""What becomes of a run whose labels file has rows for photographs that are not there."""

SYSTEM_FOLDERS = (
    *("@eaDir", "#recycle", "#snapshot", "__MACOSX", "$RECYCLE.BIN", "RECYCLER", "System Volume Information"),
    *("lost+found", "Network Trash Folder", "Temporary Items"),
)
IGNORED_FOLDER = rf"(?i)(?:^|/)(\.[^/]*|{'|'.join(map(re.escape, SYSTEM_FOLDERS))})/"
"""The pattern of a hidden folder, or of one that a system keeps for itself, in a path under the source.

Python and Spark both search it.
"""

_SPELLINGS = {name.lower(): name for name in SPLITS} | {"train": "Training", "val": "Validation", "valid": "Validation"}
_EXCLUDED = {"": False, **YES_OR_NO}


class LabelsError(ValueError):
    """A label pattern, or a row of a labels file, cannot be used."""


class Facts(NamedTuple):
    """What is known of a photograph, null where nothing is; photographs of one group belong into one split."""

    label: str | None = None
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Correction:
    """A row of a labels file: what is not null goes before the path's own facts."""

    facts: Facts
    exclude: bool


def split_named(text: str) -> str:
    """Return the split that a text names in any case, `train` and `val` too; raises LabelsError.

    >>> split_named("train"), split_named("TEST")
    ('Training', 'Test')
    """
    if text.strip().lower() not in _SPELLINGS:
        raise LabelsError(f"the split {text!r} is unknown; splits are {', '.join(SPLITS)}")
    return _SPELLINGS[text.strip().lower()]


def facts_by(pattern: str) -> Callable[[str], Facts]:
    """Return the function from a path below the source to its facts; raises LabelsError for a pattern that is none.

    The facts of a path that a pattern does not match are null.

    >>> facts_by("parent")("Training/Apple/Apple 11/x.jpg")
    Facts(label='Apple 11', split='Training', group=None)
    >>> facts_by("kind/variety")("Training/Apple/Apple 11/x.jpg")
    Facts(label='Apple', split='Training', group='Apple 11')
    >>> facts_by(r"(?P<label>[^/]+)/(?P<group>[^_]+)_.*")("Test/pear7_2.jpg")
    Facts(label='Test', split='Test', group='pear7')
    """
    if pattern == PARENT:
        return lambda path: _by_folders(path, with_kind=False)
    if pattern == KIND_VARIETY:
        return lambda path: _by_folders(path, with_kind=True)
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise LabelsError(f"{pattern!r} is no regular expression: {error}") from error
    names = set(compiled.groupindex)
    if "label" not in names or not names <= set(NAMES):
        raise LabelsError(
            f"{pattern!r} has the named groups {sorted(names)}; it needs (?P<label>...), and may have (?P<split>...) "
            f"and (?P<group>...) and no others; or give {' or '.join(PRESETS)}"
        )

    def matched(path: str) -> Facts:
        found = compiled.fullmatch(path)
        if found is None:
            return Facts()
        # An empty text says nothing.
        facts = {name: text or None for name, text in found.groupdict().items()}
        if "split" not in names:
            facts["split"] = _split_of(path.split("/")[:-1])
        elif facts["split"]:
            facts["split"] = split_named(facts["split"])
        return Facts(**facts)

    return matched


def _by_folders(path: str, with_kind: bool) -> Facts:
    folders = path.split("/")[:-1]
    split = _split_of(folders)
    if not with_kind:
        parent = folders[-1] if folders else ""
        return Facts(parent if parent and parent not in SPLITS else None, split)
    others = [folder for folder in folders if folder and folder not in SPLITS][-2:]
    return Facts(others[0] if others else None, split, others[1] if len(others) > 1 else None)


def _split_of(folders: Iterable[str]) -> str | None:
    return next((folder for folder in folders if folder in SPLITS), None)


def read_csv(lines: Iterable[str]) -> dict[str, Correction]:
    """Return the corrections of a labels file in CSV, by path; raises LabelsError with the number of the line."""
    rows = csv.DictReader(lines, strict=True)
    try:
        check_columns(rows.fieldnames or ())
        return corrections((f"line {rows.line_num}", row) for row in rows)
    except csv.Error as error:
        raise LabelsError(f"line {rows.line_num}: {error}") from error


def check_columns(names: Iterable[str]) -> None:
    """Raise LabelsError for columns that are not those of a labels file."""
    found = list(names)
    unknown = [name for name in found if name not in COLUMNS]
    if "path" not in found or unknown or len(set(found)) < len(found):
        raise LabelsError(f"the columns are {found}; path must be there, and {', '.join(COLUMNS[1:])} may, each once")


def corrections(rows: Iterable[tuple[str, Mapping[str, object]]]) -> dict[str, Correction]:
    """Return the corrections of rows by path, each with words for its place; raises LabelsError."""
    found: dict[str, Correction] = {}
    for place, row in rows:
        try:
            path, correction = _correction(row)
            if path in found:
                raise LabelsError("the path stands there twice")
        except LabelsError as error:
            raise LabelsError(f"{place}, path {row.get('path')!r}: {error}") from error
        found[path] = correction
    return found


def _correction(row: Mapping[str, object]) -> tuple[str, Correction]:
    if None in row or any(isinstance(value, list) for value in row.values()):
        raise LabelsError("the row has more fields than there are columns; a field with a comma needs quotes")
    texts = {name: "" if row.get(name) is None else str(row[name]).strip() for name in COLUMNS}
    for name, text in texts.items():
        if name in NAMES and _has_control(text):
            raise LabelsError(f"{name} {text!r} holds a line break or another control character")
    if not texts["path"]:
        raise LabelsError("the path is empty")
    if texts["exclude"].lower() not in _EXCLUDED:
        raise LabelsError(f"exclude is {texts['exclude']!r}; give true, false or nothing")
    split = split_named(texts["split"]) if texts["split"] else None
    facts = Facts(texts["label"] or None, split, texts["group"] or None)
    return str(row["path"]), Correction(facts, _EXCLUDED[texts["exclude"].lower()])


def can_be_written(label: str) -> bool:
    """Return whether a labels file that names this label means exactly this one.

    >>> can_be_written("Apple"), can_be_written("Apple ")
    (True, False)
    """
    return label == label.strip() and not _has_control(label)


def _has_control(text: str) -> bool:
    return any(ord(letter) < 32 or ord(letter) == 127 for letter in text)


def corrected(facts: Facts, correction: Correction | None) -> Facts:
    """Return the facts of a path with what a labels file says of it.

    >>> corrected(Facts("Apple", "Test", None), Correction(Facts("Apple Rotten"), exclude=False))
    Facts(label='Apple Rotten', split='Test', group=None)
    """
    if correction is None:
        return facts
    return Facts(*(new if new is not None else old for new, old in zip(correction.facts, facts, strict=True)))


def unknown_paths(paths: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return those paths of a labels file that are not among the known ones, in their order."""
    left = dict.fromkeys(paths)
    for path in known:
        left.pop(path, None)
        if not left:
            break
    return list(left)


def unknown_text(unknown: list[str], source_uri: str) -> str:
    """Return what to say of paths that are not below the source."""
    named = ", ".join(map(repr, unknown[:3]))
    return (
        f"{len(unknown):,} paths are not below {source_uri}, the first of them {named}; paths are those below the "
        "source, such as Test/Apple/1.jpg: correct them, or take the rows out"
    )

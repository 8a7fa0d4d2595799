"""`make reference`: the tables of docs/reference/, written from run_contract/."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from run_contract import checks, documents, params, rejects, stages
from run_contract.param import Param
from run_contract.stages import PLACES, Stage
from tools.local.home import REPOSITORY

FOLDER = REPOSITORY / "docs" / "reference"
WRITTEN_BY = "<!-- Written by `make reference` from `run_contract/`; change it there. -->"


def pages() -> Mapping[str, str]:
    """Return the text of each page by its file name."""
    written = {
        "params.md": _params(),
        "stages.md": _stages(),
        "rejects.md": _rejects(),
        "checks.md": _checks(),
        "documents.md": _documents(),
    }
    return {name: "\n".join([WRITTEN_BY, "", *lines]) + "\n" for name, lines in written.items()}


def _params() -> Iterable[str]:
    yield from ("# Params", "")
    yield "The params of a run: the trigger form of `fruit_features`, and the variables of `make run`."
    yield ""
    rows = [
        (f"`{p.name}`", _variable(p), p.expected, _default(p), ", ".join(f"`{name}`" for name in p.stages), p.help)
        for p in params.PARAMS
    ]
    yield from _table(("param", "`make run`", "what it takes", "default", "stages", "what it means"), rows)
    yield from ("", "## What decides a run", "")
    yield "A run is skipped if nothing is new and every param has the value of the published run, but for these:"
    yield ""
    yield from (f"- `{p.name}`: {p.not_deciding}." for p in params.PARAMS if p.not_deciding)
    yield from ("", "## What is in the identity of vectors", "")
    named = ", ".join(f"`{p.name}`" for p in params.identity_params())
    yield f"Vectors compare with one another only if they share {named}, the SHA-256 of the weights and the version of"
    yield "the preprocessing. These params make vectors too, and are not in it:"
    yield ""
    yield from (f"- `{p.name}`: {p.not_in_identity}." for p in params.PARAMS if p.not_in_identity)


def _stages() -> Iterable[str]:
    yield from ("# Stages", "")
    yield "Each stage is one Spark job. Every place and every param is one option of its command line."
    for stage in stages.STAGES:
        yield from ("", f"## `{stage.name}`", "", stage.does, "", "```", f"{stage.name}.py")
        yield from _command_line(stage)
        yield from ("```", "")
        yield from (f"- reads {_names(stage.reads)}", f"- writes {_names((*stage.writes, *stages.OF_EVERY_STAGE))}")
    yield from ("", "## Places", "", "Paths are below `s3://<bucket>/`.", "")
    yield from _table(
        ("place", "path", "what it holds"),
        [(f"`{place.name}`", f"`{_shown(place.path)}`", place.holds) for place in PLACES.values()],
    )


def _command_line(stage: Stage) -> Iterable[str]:
    yield from (f"  {place.option} s3://<bucket>/{_shown(place.path)}" for place in stage.places())
    for param in params.params_of(stage.name):
        option = f"{param.option} <{param.expected}>"
        yield f"  {option}" if param.is_required else f"  [{option}]"


def _rejects() -> Iterable[str]:
    yield from ("# Rejects", "")
    yield "What an object is, its content says and not its name: a PNG that is called `.jpg` is an image."
    yield ""
    rows = [(f"`{reason.name}`", reason.help, "yes" if reason.counts else "no") for reason in rejects.REASONS]
    yield from _table(("reason", "what it means", "counts in the reject share"), rows)


def _checks() -> Iterable[str]:
    yield from ("# Checks", "", "A hard check fails the run; a soft one warns.", "")
    rows = [(f"`{check.name}`", "hard" if check.is_hard else "soft", check.title) for check in checks.CHECKS]
    yield from _table(("check", "kind", "what it checks"), rows)


def _documents() -> Iterable[str]:
    yield from ("# Documents", "", _of_docstring(documents))
    for document in documents.DOCUMENTS:
        yield from ("", f"## {document.__name__.removesuffix('Document')}", "", _of_docstring(document), "")
        yield from _table(("field", "type", "what it is"), _fields(document))


def _fields(document: type) -> Iterable[tuple[str, ...]]:
    plain, annotated = get_type_hints(document), get_type_hints(document, include_extras=True)
    optional: frozenset[str] = document.__optional_keys__  # type: ignore[attr-defined]
    for name, hint in plain.items():
        (text,) = _texts(annotated[name])
        yield f"`{name}`", f"{_type_name(hint)}{' (may be absent)' if name in optional else ''}", text


def _texts(hint: Any) -> Iterable[str]:
    """Yield the text of an Annotated type, which may lie inside a NotRequired one."""
    if hasattr(hint, "__metadata__"):
        yield from hint.__metadata__
    else:
        yield from (text for argument in get_args(hint) for text in _texts(argument))


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")


def _of_docstring(documented: Any) -> str:
    return "\n".join(line.strip() for line in str(documented.__doc__).strip().splitlines())


def _variable(param: Param) -> str:
    return f"not there: {param.not_of_make_run}" if param.not_of_make_run else f"`{param.make_variable}=`"


def _default(param: Param) -> str:
    if param.default is None:
        return "the deployment's setting" if param.is_required else "none"
    return f"`{param.written(param.default)}`"


def _names(places: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in places)


def _shown(path: str) -> str:
    return path.replace("{", "<").replace("}", ">")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def write_pages(folder: Path = FOLDER) -> None:
    """Write every page; pages of the folder that are written by hand stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages()

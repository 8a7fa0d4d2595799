"""`make reference`: the tables of docs/reference/, written from run_contract/."""

import inspect
from collections.abc import Iterable, Mapping
from typing import NotRequired, get_args, get_origin, get_type_hints

from run_contract import checks, documents, params, rejects, stages
from run_contract.param import Param
from run_contract.param_queries import params_of, settable_params
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
    intro = "The params of a run: the trigger form of `fruit_features`, and the variables of `make run`."
    yield from ("# Params", "", intro, "")
    rows = [
        (f"`{p.name}`", _variable(p), p.expected, _default(p), _names(p.stages), f"**{p.title}.** {p.help}")
        for p in params.PARAMS
    ]
    yield from _table(("param", "`make run`", "what it takes", "default", "stages", "what it means"), rows)
    yield from ("", "## What a deployment may set", "")
    yield "Each of these variables is the default of its param in the form. It goes before what is published in a run"
    yield "that nobody triggered: [new photographs](../landing.md#the-params-of-an-automatic-run)."
    yield ""
    yield from (f"- `{p.setting}` for `{p.name}`" for p in settable_params())
    yield from ("", "These are not set by a deployment:", "")
    yield from (f"- `{p.name}`: {p.not_a_setting}." for p in params.PARAMS if p.not_a_setting)
    yield from ("", "## What decides a run", "")
    yield "A run is skipped if nothing is new and every param has the value of the published run, but for these:"
    yield ""
    yield from (f"- `{p.name}`: {p.not_deciding}." for p in params.PARAMS if p.not_deciding)
    yield from ("", "## What is in the identity of vectors", "")
    named = ", ".join(f"`{p.name}`" for p in params.PARAMS if p.identity)
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
    for param in params_of(stage.name):
        option = f"{param.option} <{param.expected}>"
        yield f"  {option}" if param.is_required else f"  [{option}]"


def _rejects() -> Iterable[str]:
    intro = "What an object is, its content says and not its name: a PNG that is called `.jpg` is an image."
    yield from ("# Rejects", "", intro, "")
    rows = [(f"`{reason.name}`", reason.help, "yes" if reason.counts else "no") for reason in rejects.REASONS]
    yield from _table(("reason", "what it means", "counts in the reject share"), rows)


def _checks() -> Iterable[str]:
    yield from ("# Checks", "", "A hard check fails the run; a soft one warns.", "")
    rows = [(f"`{check.name}`", "hard" if check.is_hard else "soft", check.title) for check in checks.CHECKS]
    yield from _table(("check", "kind", "what it checks"), rows)


def _documents() -> Iterable[str]:
    yield from ("# Documents", "", str(inspect.getdoc(documents)))
    for document in documents.DOCUMENTS:
        yield from ("", f"## {document.__name__.removesuffix('Document')}", "", str(inspect.getdoc(document)), "")
        yield from _table(("field", "type", "what it is"), _fields(document))


def _fields(document: type) -> Iterable[tuple[str, ...]]:
    for name, hint in get_type_hints(document, include_extras=True).items():
        may_be_absent = get_origin(hint) is NotRequired
        kind, text = get_args(get_args(hint)[0] if may_be_absent else hint)
        shown = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind).replace("typing.", "")
        yield f"`{name}`", f"{shown}{' (may be absent)' if may_be_absent else ''}", text


def _variable(param: Param) -> str:
    return f"not there: {param.not_of_make_run}" if param.not_of_make_run else f"`{param.make_variable}=`"


def _default(param: Param) -> str:
    if param.default is None:
        return "the deployment's setting" if param.is_required else "none"
    if param.kind is bool:
        return f"`{int(param.default)}`"
    return f"`{param.written(param.default)}`"


def _names(places: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in places)


def _shown(path: str) -> str:
    return path.replace("{", "<").replace("}", ">")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


if __name__ == "__main__":
    # Pages of the folder that are written by hand stay as they are.
    for page, text in pages().items():
        (FOLDER / page).write_text(text, encoding="utf-8")

"""What IAM answers to a request by the statements of policies, as far as the template's policies go. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any

Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Ask:
    """One action on one resource; the context has what conditions look at."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def allowing(statements: Sequence[Statement], ask: Ask) -> list[Statement]:
    """Return the statements that allow it; none if a statement denies it."""
    fitting = [statement for statement in statements if _fits(statement, ask)]
    if any(statement["Effect"] == "Deny" for statement in fitting):
        return []
    return fitting


def _fits(statement: Statement, ask: Ask) -> bool:
    return (
        any(_is_like(pattern.lower(), ask.action.lower()) for pattern in _listed(statement["Action"]))
        and any(_is_like(pattern, ask.resource) for pattern in _listed(statement["Resource"]))
        and all(
            _holds(operator, expected, ask.context.get(key))
            for operator, tests in statement.get("Condition", {}).items()
            for key, expected in tests.items()
        )
    )


def _holds(operator: str, expected: Any, found: str | None) -> bool:
    """Whether a condition holds; a key that the request does not have fails it."""
    wanted = [str(value) for value in _listed(expected)]
    if operator == "StringEquals":
        return found in wanted
    if operator in ("StringLike", "ArnLike", "ArnEquals"):
        return found is not None and any(_is_like(pattern, found) for pattern in wanted)
    if operator == "Bool":
        return found is not None and found.lower() in [value.lower() for value in wanted]
    raise NotImplementedError(f"the condition {operator} is not known here")


def _is_like(pattern: str, text: str) -> bool:
    # In IAM, brackets are letters as others are.
    return re.fullmatch(translate(pattern.replace("[", "[[]")), text) is not None


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]

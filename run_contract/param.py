"""One param of a run: its form, its checks, and how it is written on a command line."""

import re
from dataclasses import dataclass
from typing import Any

from run_contract.stages import FEATURIZE

_JSON_TYPES: dict[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
YES_OR_NO = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
# `$` would let a line feed pass behind the text. This means the same to Python and to a browser.
_END = r"(?![\s\S])"


@dataclass(frozen=True, kw_only=True)
class Param:
    """What a run may be asked for. A param decides what comes out, and is in no identity, unless it says otherwise.

    Numbers lie in minimum..maximum, both included unless `above_minimum`. `pattern` and `by_hand` (which a job that is
    called by hand takes instead) are held against whole texts. A `tuple` holds `choices`, and always the first of them.
    """

    name: str
    title: str
    help: str
    section: str = ""
    kind: type = str
    default: Any = None
    nullable: bool = False
    stages: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    by_hand: str | None = None
    pattern_in_words: str = ""
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    above_minimum: bool = False
    unused_with: str | None = None
    """The name of a param; where that one is given, this one is not used."""
    variable: str = ""
    """The name that `make run` gives it, where that is not its own in capitals."""
    identity: bool = False
    """Vectors that differ in it do not compare."""
    not_in_identity: str = ""
    """Why vectors that differ in it do compare: needed by every param of the stage that makes vectors."""
    keeps_apart: bool = False
    """The feature store keeps vectors that differ in it apart, although they compare."""
    not_deciding: str = ""
    """Why two runs that differ in it alone come out the same."""
    not_of_make_run: str = ""
    """Why `make run` does not offer it."""
    not_a_setting: str = ""
    """Why a deployment has no setting for it."""

    def __post_init__(self) -> None:
        if FEATURIZE in self.stages and self.identity == bool(self.not_in_identity):
            raise ValueError(f"{self.name}: say identity=True, or not_in_identity=<why>, for it reaches {FEATURIZE}")

    @property
    def option(self) -> str:
        """The job's option: `sample_limit` is `--sample-limit`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def make_variable(self) -> str:
        """The variable of `make run`."""
        return self.variable or self.name.upper()

    @property
    def setting(self) -> str:
        """The environment variable by which a deployment sets it for all its runs."""
        return f"FRUIT_FEATURES_{self.name.upper()}"

    @property
    def is_required(self) -> bool:
        """Whether it has to be given, for want of a default."""
        return self.default is None and not self.nullable

    @property
    def expected(self) -> str:
        """What it must be, in words that fit behind "expected"."""
        if self.kind is tuple:
            return f"{self.choices[0]}, or {','.join(self.choices)}"
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.kind is bool:
            return "1 or 0"
        if self.kind is str:
            return self.pattern_in_words or "a text"
        number = "a whole number" if self.kind is int else "a number"
        if self.above_minimum:
            return f"{number} above {self.minimum} and at most {self.maximum}"
        return (
            f"{number} from {self.minimum} to {self.maximum}" if self.maximum else f"{number}, {self.minimum} or more"
        )

    def refusal(self, value: Any, by_hand: bool = False) -> str | None:
        """Return what is expected instead of the value, null if the value is good."""
        is_good = (value is None and self.nullable) or self._is_good(value, by_hand)
        return None if is_good else self.expected

    def parse(self, text: str) -> Any:
        """Return the value that a text on a command line means; raises ValueError, which says what is expected."""
        try:
            if self.kind is tuple:
                return tuple(entry.strip() for entry in text.split(","))
            return YES_OR_NO[text.lower()] if self.kind is bool else self.kind(text)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{text!r} is refused; expected {self.expected}") from error

    def written(self, value: Any) -> str:
        """Return the value as a command line has it, so that `parse` gives it back."""
        if self.kind is tuple:
            return ",".join(value)
        # The URIs of folders end without a slash; users often type one.
        return str(value).rstrip("/") if str(value).startswith("s3://") else str(value)

    def json_schema(self) -> dict[str, Any]:
        """Return what a form checks by itself, as JSON Schema has it."""
        if self.kind is tuple:
            return {
                "type": "array",
                "items": {"type": "string", "enum": list(self.choices)},
                "examples": list(self.choices),
                "uniqueItems": True,
                "contains": {"const": self.choices[0]},
            }
        json_type = _JSON_TYPES[self.kind]
        schema = {
            "type": ["null", json_type] if self.nullable else json_type,
            "enum": list(self.choices) or None,
            "pattern": self.pattern and f"^(?:{self.pattern}){_END}",
            "maxLength": self.max_length,
            "exclusiveMinimum" if self.above_minimum else "minimum": self.minimum,
            "maximum": self.maximum,
        }
        return {keyword: value for keyword, value in schema.items() if value is not None}

    def _is_good(self, value: Any, by_hand: bool) -> bool:
        if self.kind is tuple:
            is_list = isinstance(value, list | tuple) and len(set(value)) == len(value)
            return is_list and {self.choices[0]} <= set(value) <= set(self.choices)
        kinds = (int, float) if self.kind is float else (self.kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and self.kind is not bool):
            return False
        if self.kind is str:
            return self._is_good_text(value, by_hand)
        return self.kind is bool or self._is_in_range(value)

    def _is_good_text(self, value: Any, by_hand: bool) -> bool:
        pattern = (by_hand and self.by_hand) or self.pattern
        if self.choices and value not in self.choices:
            return False
        if pattern and not re.fullmatch(pattern, value):
            return False
        return self.max_length is None or len(value) <= self.max_length

    def _is_in_range(self, value: Any) -> bool:
        """Not a number is in no range."""
        if self.minimum is not None and not (value > self.minimum if self.above_minimum else value >= self.minimum):
            return False
        is_number: bool = value == value
        return is_number and (self.maximum is None or value <= self.maximum)

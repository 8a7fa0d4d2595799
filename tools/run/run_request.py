"""The options of `make run`, which are the contract's params, and the params of the DAG run that they become."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from run_contract.param import Param
from run_contract.param_queries import make_run_params
from tools.errors import ToolError

SOURCE, WEIGHTS, LABELS = "source_uri", "weights", "labels"
# A folder or a file of this machine is brought into the bucket first; what it then is called, the DAG checks.
BROUGHT = (SOURCE, WEIGHTS, LABELS)
DEMO: Mapping[str, Any] = {"pca_components": 32}
"""The demo set has 240 pictures; the DAG's own default of 200 would leave the PCA hardly anything to leave out."""
GIVEN_TO_MAKE = "GIVEN_TO_MAKE"
"""The variable in which the Makefile names the variables of its command line."""
OF_THE_MAKEFILE = {"AIRFLOW_PORT", "AIRFLOW_PYTHON", "LOCAL_AWS_PORT", "LOCAL_HOME", "SHELL", "SPARK_PYTHON"}


class RunRequestError(ToolError):
    """An option of `make run` that there is not, or a value that it cannot have."""


@dataclass(frozen=True)
class RunRequest:
    """What was asked for, by param; what was not is not in it, so that the DAG's own default holds."""

    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str | None:
        """A folder of this machine or an s3:// URI, null for the demo set."""
        return self.asked.get(SOURCE)

    @property
    def is_demo(self) -> bool:
        """Whether the photographs are drawn."""
        return self.source is None

    def run_name(self, source_uri: str, now: datetime) -> str:
        """Return the name that was given, or one of the source's name and the time."""
        if "run" in self.asked:
            return str(self.asked["run"])
        source_name = re.sub(r"[^A-Za-z0-9._-]+", "-", source_uri.rstrip("/").rpartition("/")[2]).strip("._-")
        return f"{source_name or 'run'}-{now:%Y%m%d-%H%M%S}"

    def params(self, run: str, brought: Mapping[str, str | None]) -> dict[str, Any]:
        """Return the DAG run's conf; `brought` are the source, weights and labels as they lie in the bucket."""
        found = {**(DEMO if self.is_demo else {}), **self.asked, "run": run, **brought}
        return {name: value for name, value in found.items() if value is not None}


def parse_request(
    environment: Mapping[str, str], words: Iterable[str] = (), program: str = "make run", others: Iterable[str] = ()
) -> RunRequest:
    """Return what a person asks for by variables, and by words such as RUN=fruits or --run=fruits, which go first.

    An empty variable is as good as none. `others` are variables of the program that are no params. Raises
    RunRequestError, which names every option that is refused.
    """
    offered = {param.make_variable: param for param in make_run_params()}
    named = dict(_split(word) for word in words)
    wrong = [
        f"there is no {name}; those are {', '.join(offered)}"
        for name in (*named, *environment.get(GIVEN_TO_MAKE, "").split())
        if name.isupper() and name not in {*offered, *others, *OF_THE_MAKEFILE}
    ]
    asked = {}
    for variable, param in offered.items():
        text = named.get(variable) or environment.get(variable)
        if text:
            try:
                asked[param.name] = _value(param, text)
            except ValueError as error:
                wrong.append(f"{variable}={error}")
    if wrong:
        raise RunRequestError(f"{program}: " + "; ".join(wrong))
    return RunRequest(asked)


def _value(param: Param, text: str) -> Any:
    if param.name in BROUGHT:
        return text
    value = param.parse(text)
    expected = param.refusal(value)
    if expected is not None:
        raise ValueError(f"{text!r} is refused; expected {expected}")
    return list(value) if isinstance(value, tuple) else value


def _split(word: str) -> tuple[str, str]:
    name, _, text = word.partition("=")
    return name.lstrip("-").replace("-", "_").upper(), text

"""Command lines of the stages: what every job takes, and the parser that is built from the contract's stage."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from image_features.errors import ArgumentError, CommandLineError
from image_features.storage.objects import split_uri
from run_contract.param import Param
from run_contract.param_queries import params_of
from run_contract.params import PARAMS
from run_contract.stages import Stage


@dataclass(frozen=True, kw_only=True)
class JobArguments:
    """What every job takes; a job's own arguments are a subclass.

    A field that is a param of the contract must be what the contract expects, any other `..._uri` an s3:// URI; raises
    ArgumentError.
    """

    stats_uri: str
    progress_uri: str

    def __post_init__(self) -> None:
        params = {param.name: param for param in PARAMS}
        for name, value in vars(self).items():
            if name in params:
                expected = params[name].refusal(value, by_hand=True)
                if expected is not None:
                    raise ArgumentError(params[name].option, value, expected)
            elif name.endswith("_uri"):
                split_uri(value)


Arguments = TypeVar("Arguments", bound=JobArguments)


class JobArgumentParser(argparse.ArgumentParser):
    """Parser of a stage's places and params; raises CommandLineError where argparse would exit."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(prog=stage.name, description=stage.does, allow_abbrev=False)
        for place in stage.places():
            self.add_argument(place.option, required=True, help=_escaped(place.holds))
        for param in params_of(stage.name):
            # What may be null is null unless it is given: the form's default is the form's alone.
            self.add_argument(
                param.option,
                type=_parse_as(param),
                required=param.is_required,
                default=None if param.nullable else param.default,
                help=_escaped(param.help),
            )

    def error(self, message: str) -> NoReturn:
        raise CommandLineError(self.prog, message)

    def parse_into(self, arguments: type[Arguments], argv: Sequence[str]) -> Arguments:
        """Return the arguments; the option `--some-name` becomes the field `some_name`."""
        return arguments(**vars(self.parse_args(argv)))


def _parse_as(param: Param) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return param.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse


def _escaped(text: str) -> str:
    return text.replace("%", "%%")

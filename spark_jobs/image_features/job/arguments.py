"""Command lines of the stages: what every job takes, and a parser whose refusals are errors of ours."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from image_features.errors import CommandLineError
from image_features.storage.objects import split_uri


@dataclass(frozen=True, kw_only=True)
class JobArguments:
    """What every job takes; a job's own arguments are a subclass whose `__post_init__` refuses nonsense."""

    stats_uri: str
    progress_uri: str

    def __post_init__(self) -> None:
        split_uri(self.stats_uri)
        split_uri(self.progress_uri)


Arguments = TypeVar("Arguments", bound=JobArguments)


class JobArgumentParser(argparse.ArgumentParser):
    """Knows `--stats-uri` and `--progress-uri`; raises CommandLineError where argparse would exit."""

    def __init__(self, stage: str, description: str) -> None:
        super().__init__(prog=stage, description=description, allow_abbrev=False)
        self.add_argument("--stats-uri", required=True)
        self.add_argument("--progress-uri", required=True)

    def error(self, message: str) -> NoReturn:
        raise CommandLineError(self.prog, message)

    def parse_into(self, arguments: type[Arguments], argv: Sequence[str]) -> Arguments:
        """Option `--some-name` becomes the field `some_name`."""
        return arguments(**vars(self.parse_args(argv)))

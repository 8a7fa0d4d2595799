"""What a person asked for on the command line of `make run`, and the params of the DAG run that it becomes."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
DEMO_COMPONENTS = 32
"""The demo set has 240 pictures; the DAG's own default of 200 would leave the PCA hardly anything to leave out."""


@dataclass(frozen=True)
class RunRequest:
    """The options of `make run`; None where nothing was said, so that the DAG's own default holds."""

    source: str | None = None
    run: str | None = None
    backbone: str | None = None
    weights: str | None = None
    components: int | None = None
    explained_variance: float | None = None
    resize: str | None = None
    formats: str | None = None
    sample: int | None = None
    engine: str | None = None
    precision: str | None = None
    reduce: str | None = None
    force: bool = False

    @property
    def is_demo(self) -> bool:
        return self.source is None

    def run_name(self, source_uri: str, now: datetime) -> str:
        """RUN, or the source's name and the time."""
        if self.run is not None:
            return self.run
        source_name = re.sub(r"[^A-Za-z0-9._-]+", "-", source_uri.rstrip("/").rpartition("/")[2]).strip("._-")
        return f"{source_name or 'run'}-{now:%Y%m%d-%H%M%S}"

    def params(self, run: str, source_uri: str, weights: str | None) -> dict[str, Any]:
        """The DAG run's conf: what was asked for, under the names of the DAG's params."""
        asked = {
            "source_uri": source_uri,
            "run": run,
            "backbone": self.backbone,
            "weights": weights,
            "resize": self.resize,
            "engine": self.engine,
            "precision": self.precision,
            "pca_components": DEMO_COMPONENTS if self.is_demo and self.components is None else self.components,
            "explained_variance": self.explained_variance,
            "formats": None if self.formats is None else self.formats.split(","),
            "sample_limit": self.sample,
            "reduce": self.reduce,
            "force": self.force or None,
        }
        return {name: value for name, value in asked.items() if value is not None}


def _run_name(text: str) -> str:
    if not RUN_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r}: letters, digits, dots, dashes and underscores; a letter or digit first"
        )
    return text


def _yes_or_no(text: str) -> bool:
    """FORCE=1 as people write it; an empty one is as good as none."""
    meanings = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    if text.lower() not in meanings:
        raise argparse.ArgumentTypeError(f"{text!r}: 1 or 0")
    return meanings[text.lower()]


def parse_request(arguments: Sequence[str]) -> RunRequest:
    """RunRequest from the command line; argparse ends the program over what it does not know."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__, allow_abbrev=False)
    parser.add_argument("--source", help="a folder on this machine or an s3:// URI; none: a demo set is drawn")
    parser.add_argument(
        "--run", type=_run_name, help="the folder under runs/ that is written; none: the source's name and the time"
    )
    parser.add_argument("--backbone")
    parser.add_argument("--weights", help="imagenet, a .h5 or .keras file, its s3:// URI, or random:<seed>")
    parser.add_argument("--components", type=int)
    parser.add_argument("--explained-variance", type=float)
    parser.add_argument("--resize")
    parser.add_argument("--formats", help="parquet, or parquet,csv")
    parser.add_argument("--sample", type=int, help="take at most so many photographs")
    parser.add_argument("--engine")
    parser.add_argument("--precision")
    parser.add_argument("--reduce", help="refit, project (on the published model) or auto")
    parser.add_argument("--force", type=_yes_or_no, default=False, help="1: run even if nothing is new")
    return RunRequest(**vars(parser.parse_args(arguments)))

"""`make compare`: runs of the same photographs with several networks, and what came of each, side by side.

python -m tools.run.compare [--json] "BACKBONES=mobilenet_v2 mobilenet_v2,PRECISION=bfloat16 net.json" SOURCE=... ...

Runs and vectors lie in a home of their own, so that nothing of it is what readers follow.
"""

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.settings import Settings
from run_contract.backbones import FILE
from run_contract.param_queries import param_named
from tools.errors import CompareError, run_tool
from tools.local.home import BUCKET, LocalHome, local_environment
from tools.local.interrupts import interrupt, on_endings
from tools.local.services import services_in_use
from tools.run.comparison import Row, lines, row_of
from tools.run.run_pipeline import run_pipeline
from tools.run.run_request import RunRequest, parse_request

BACKBONES = "BACKBONES"
OWN_OPTIONS = frozenset({BACKBONES, "JSON"})
GROUPS_FROM = "groups_from"
UNUSABLE = {"run": "each run has a name of its own", GROUPS_FROM: "all take the groups of the first run"}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make compare", description=__doc__)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("options", nargs="*", help="BACKBONES=, and the options of make run")
    asked = parser.parse_args(arguments)
    words = {name: text for name, _, text in (word.partition("=") for word in asked.options)}
    named = words.pop(BACKBONES, None) or os.environ.get(BACKBONES, "")
    shared = [f"{name}={text}" for name, text in words.items()]
    requests = requests_of(named, os.environ, shared)
    home = home_of_its_own(LocalHome.from_environment())
    try:
        # What happens is said on the side: the result may be read by a program.
        with on_endings(interrupt), services_in_use(home), contextlib.redirect_stdout(sys.stderr):
            rows = list(compare(requests, home))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(json.dumps(rows, indent=2) if asked.json else "\n".join(lines(rows)))
    return 0


def requests_of(named: str, environment: Mapping[str, str], shared: Sequence[str] = ()) -> dict[str, RunRequest]:
    """Return the run of each network by what it was called: `name`, or `name,VARIABLE=value,...`.

    The name is that of a backbone, or the .json of a network of one's own. Raises CompareError or RunRequestError.

    >>> found = requests_of("vgg16 nets/a.json,PRECISION=bfloat16", {}, ["SOURCE=fruits"])
    >>> found["nets/a.json,PRECISION=bfloat16"].asked["backbone"], found["vgg16"].asked["source_uri"]
    ('file', 'fruits')
    """
    found = {}
    for entry in named.split():
        name, *own = entry.split(",")
        is_own = name.lower().endswith(".json")
        network = [f"BACKBONE={FILE}", f"WEIGHTS={name}"] if is_own else [f"BACKBONE={name}"]
        found[entry] = parse_request(environment, [*shared, *network, *own], "make compare", OWN_OPTIONS)
    if len(found) < 2:
        raise CompareError(
            f"{BACKBONES}={named!r}: name two networks or more, with spaces between them, such as "
            'BACKBONES="mobilenet_v2 resnet50,PRECISION=bfloat16 net.json"'
        )
    for name, why in UNUSABLE.items():
        if any(name in request.asked for request in found.values()):
            raise CompareError(f"make compare: leave out {param_named(name).make_variable}=, for {why}")
    return found


def home_of_its_own(home: LocalHome) -> LocalHome:
    """Return a home whose bucket holds comparisons alone; it has the environments of the other one."""
    own = home.for_comparisons
    own.root.mkdir(parents=True, exist_ok=True)
    if not (own.root / "envs").exists():
        (own.root / "envs").symlink_to(home.root / "envs")
    return own


def compare(requests: Mapping[str, RunRequest], home: LocalHome) -> Iterator[Row]:
    """Run all, and yield what came of each.

    The first one's near-duplicates are the groups of all, for each network alone would find others, and an accuracy
    with other groups is no other accuracy but another question. Raises CompareError for a run that fails.
    """
    groups: dict[str, Any] = {}
    for name, request in requests.items():
        # Without the folders of files.
        short = re.sub(r"[^,=]*/", "", name)
        run = f"{re.sub(r'[^A-Za-z0-9.]+', '-', short).strip('-.')[:100]}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        print(f"\n{name}")
        if run_pipeline(replace(request, asked={**request.asked, **groups, "run": run, "force": True}), home):
            raise CompareError(
                f"{name}: its run {run} failed, as said above; what ran before it is kept in {home.root}"
            )
        row = row_of(short, home.bucket_path / "runs" / run, _settings(home))
        groups = groups or {GROUPS_FROM: RunLayout(BUCKET, run).uri("groups")}
        print(", ".join(f"{key} {value}" for key, value in row.items()))
        yield row


def _settings(home: LocalHome) -> Settings:
    return Settings.from_environment({**local_environment(home), "FRUIT_FEATURES_BUCKET": BUCKET})


if __name__ == "__main__":
    run_tool(main)

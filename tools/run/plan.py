"""`make plan`: what a run would take and cost on each size of cluster, without the run.

python -m tools.run.plan [--bucket NAME] [--json] [BACKBONE=resnet50 ...]
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.errors import PipelineError
from emr_pipeline.run.cost_forecast import CostForecast, lines
from emr_pipeline.run.param_checks import check_params
from emr_pipeline.s3.objects import etag_of
from emr_pipeline.s3.source_listing import SourceListing
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.foreseen_cost import forecast_of
from emr_pipeline.snapshots.snapshot import Origin, inventory_of
from emr_pipeline.snapshots.store import Published
from run_contract.params import PARAMS
from tools.data.bring import bring
from tools.data.weights_file import bring_weights
from tools.errors import ToolError, run_tool
from tools.local import endpoint
from tools.local.home import BUCKET, LocalHome, local_environment
from tools.local.interrupts import interrupt, on_endings
from tools.local.services import services_in_use
from tools.run.run_request import SOURCE, WEIGHTS, RunRequest, parse_request

OWN_OPTIONS = frozenset({"BUCKET", "JSON"})


class PlanError(ToolError):
    """There is nothing of which a forecast could be made."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make plan", description=__doc__)
    parser.add_argument("--bucket", help="the bucket of a deployment on AWS; by default the one of this machine")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("options", nargs="*", help="the options of make run, such as BACKBONE=resnet50")
    asked = parser.parse_args(arguments)
    request = parse_request(os.environ, asked.options, "make plan", OWN_OPTIONS)
    try:
        with on_endings(interrupt):
            found, said = _planned(request, asked.bucket)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if asked.json:
        print(json.dumps({"forecast": [asdict(each) for each in found], "for": said}, indent=2))
    else:
        print("\n".join([f"forecast for {said}", *lines(found)]))
    return 0


def _planned(request: RunRequest, bucket: str | None) -> tuple[list[CostForecast], str]:
    if bucket:
        return plan(request.asked, boto3.client("s3"), _settings(bucket, os.environ))
    with _this_machine(request) as (values, s3, settings):
        return plan(values, s3, settings)


def plan(asked: Mapping[str, Any], s3: Any, settings: Settings) -> tuple[list[CostForecast], str]:
    """Return what `check_run` would forecast for a run with these params, and in words from what."""
    defaults = {param.name: param.default for param in PARAMS}
    params = {**defaults, SOURCE: settings.source_uri, **settings.params, **asked}
    try:
        check_params(params)
        published = Published(s3, settings.bucket)
        listing = SourceListing(s3, params[SOURCE], inventory_of(published.latest(), params[SOURCE]))
        if next(listing.paths(), None) is None:
            raise PlanError(f"SOURCE={params[SOURCE]}: nothing lies there; put photographs there, or name another one")
        weights = params[WEIGHTS]
        etag = etag_of(s3, weights) if weights.startswith("s3://") else None
        return forecast_of(published, Origin.of(params, "", etag), listing, settings)
    except (PipelineError, ValueError) as error:
        raise PlanError(f"make plan: {error}") from error
    except (BotoCoreError, ClientError) as error:
        raise PlanError(
            f"make plan: S3 does not answer for {params[SOURCE]} and s3://{settings.bucket}: {error}; check the names, "
            "AWS_REGION, and the credentials of this shell"
        ) from error


@contextmanager
def _this_machine(request: RunRequest) -> Iterator[tuple[dict[str, Any], Any, Settings]]:
    """Give the block the params, with what is brought into this machine's bucket as a run brings it, and its S3."""
    home = LocalHome.from_environment()
    environment = local_environment(home)
    with services_in_use(home, with_airflow=False):
        # What is brought is said on the side: the forecast may be read by a program.
        with redirect_stdout(sys.stderr):
            brought = {SOURCE: bring(request.source, home)}
        if WEIGHTS in request.asked:
            brought[WEIGHTS] = bring_weights(request.asked[WEIGHTS], home)
        endpoint.wait_for_endpoint(home)
        s3 = endpoint.endpoint_client(home, "s3")
        yield request.params("plan", brought), s3, _settings(BUCKET, environment)


def _settings(bucket: str, environment: Mapping[str, str]) -> Settings:
    """Return the deployment's settings, prices among them, as far as the environment says them."""
    return Settings.from_environment({**environment, "FRUIT_FEATURES_BUCKET": bucket})


if __name__ == "__main__":
    run_tool(main)

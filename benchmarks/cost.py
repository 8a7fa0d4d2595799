"""What a million photographs cost on EMR, on paper: a measured rate, list prices (cost.json), and arithmetic. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRICES_PATH = Path(__file__).resolve().parent / "cost.json"
MILLION = 1_000_000


@dataclass(frozen=True)
class Estimate:
    """For one run over so many photographs on one fleet; the cluster's start is in it, its primary node too."""

    vcpus: int
    minutes: float
    dollars: float


def read_prices() -> dict[str, Any]:
    prices: dict[str, Any] = json.loads(PRICES_PATH.read_text(encoding="utf-8"))
    return prices


def estimate(prices: Mapping[str, Any], fleet: Mapping[str, int], per_vcpu: float, images: int = MILLION) -> Estimate:
    """`per_vcpu` is images a second of one vCPU. Only featurize_images is counted: the others are short next to it.

    Listing goes on in one driver while executors wait, so it adds to the time; a fleet is paid for from its start on.
    """
    instance = prices["instance"]
    vcpus = (fleet["core"] + fleet["spot_task"]) * instance["vcpus"]
    working_s = images / (vcpus * per_vcpu) + images / 1000 * prices["seconds_per_listed_page"]
    minutes = working_s / 60 + prices["cluster_start_minutes"]
    return Estimate(vcpus, minutes, minutes / 60 * _per_hour(instance, fleet) + _requests(prices, images))


def days_of_listing(prices: Mapping[str, Any], images: int) -> float:
    """One listing after the other, as a driver does it."""
    return float(images / 1000 * prices["seconds_per_listed_page"] / 86_400)


def days_of_requests(prices: Mapping[str, Any], images: int) -> float:
    """Return the days that one GET for each photograph takes under one prefix, at the rate S3 promises for one."""
    return float(images / prices["get_per_second_per_prefix"] / 86_400)


def _per_hour(instance: Mapping[str, Any], fleet: Mapping[str, int]) -> float:
    on_demand = (fleet["core"] + 1) * instance["ec2_per_hour"]
    spot = fleet["spot_task"] * instance["ec2_per_hour"] * instance["spot_share"]
    emr = (fleet["core"] + fleet["spot_task"] + 1) * instance["emr_per_hour"]
    return float(on_demand + spot + emr)


def _requests(prices: Mapping[str, Any], images: int) -> float:
    thousands, requests = images / 1000, prices["requests"]
    return float(thousands * requests["get_per_1000"] + thousands / 1000 * requests["list_per_1000"])

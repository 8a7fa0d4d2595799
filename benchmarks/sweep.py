"""What the sweep over executors and their cores says: the best combination, and what it projects for more of both.

`featurize_images` takes a fixed time, whatever it computes, and a time for each photograph: two numbers of photographs
give both. A third one, larger than both, says how far off the projection is. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.executors import ONE_PROCESS
from benchmarks.results import Result, median, variants

PHOTOGRAPHS, MACHINES = (10_000, 100_000, 1_000_000), (2, 8, 24)
"""What is projected: so many photographs on so many machines next to the primary one."""
SMALLER, LARGER = 3, 3
"""The best combination of a sweep over N photographs is repeated on N/3, to tell the two times apart, and on 3N."""


@dataclass(frozen=True)
class Times:
    """Seconds of one combination: those that it always takes, and those of a photograph on one core."""

    fixed_s: float
    image_core_s: float

    def seconds(self, images: int, cores: float) -> float:
        return self.fixed_s + images * self.image_core_s / cores


def cores_of(variant: str) -> int:
    """Return the cores of a combination; raises ValueError for a variant that is none.

    >>> cores_of("2 executors of 4 cores")
    8
    """
    found = re.fullmatch(r"(\d+) executors? of (\d+) cores?", variant)
    if found is None:
        raise ValueError(f"{variant!r} is no combination of executors and cores")
    return int(found[1]) * int(found[2])


def best(result: Result) -> str:
    """Return the fastest combination; one JVM for driver and tasks is none, for no cluster has it."""
    combinations = [variant for variant in variants(result) if variant != ONE_PROCESS]
    return min(combinations, key=lambda variant: median(result, variant))


def fitted(results: Sequence[Result], variant: str) -> Times:
    """Return the times that two measurements of a combination give."""
    (few, few_s), (many, many_s) = sorted((result["images"], median(result, variant)) for result in results)
    pace = (many_s - few_s) / (many - few)
    return Times(few_s - few * pace, pace * cores_of(variant))


def text(results: Sequence[Result], prices: Mapping[str, Any]) -> str:
    """Return what a page says of the sweeps, backbone by backbone."""
    backbones = dict.fromkeys(str(result["backbone"]) for result in results)
    return "\n".join(_of_backbone(name, [r for r in results if r["backbone"] == name], prices) for name in backbones)


def _of_backbone(backbone: str, results: Sequence[Result], prices: Mapping[str, Any]) -> str:
    swept = max(results, key=lambda result: len(variants(result)))
    chosen, images = best(swept), swept["images"]
    parts = [f"**{backbone}**, {images:,} photographs of {swept['photos']}:\n", _measured(swept, prices), _chart(swept)]
    parts.append(f"The best combination is {chosen}.")
    ordered = sorted((result for result in results if chosen in variants(result)), key=lambda found: found["images"])
    if len(ordered) > 2:
        times, trial = fitted(ordered[:2], chosen), ordered[2]
        foreseen, took = times.seconds(trial["images"], cores_of(chosen)), median(trial, chosen)
        parts[-1] += (
            f" From {ordered[0]['images']:,} and {ordered[1]['images']:,} photographs: {times.fixed_s:.1f} s whatever "
            f"there is to compute, and {times.image_core_s * 1000:.0f} ms of one core for a photograph. Tried at "
            f"{trial['images']:,}: projected {foreseen:.1f} s, took {took:.1f} s, so the projection was "
            f"{foreseen / took - 1:+.0%} off.\n"
        )
        parts.append(_projected(times, prices))
    return "\n".join(parts)


def _measured(result: Result, prices: Mapping[str, Any]) -> str:
    rows = []
    for variant in variants(result):
        seconds = median(result, variant)
        cores = result["cores"] if variant == ONE_PROCESS else cores_of(variant)
        cents = 100 * seconds / 3600 * cores / prices["vcpu_share_of_a_core"] * _per_vcpu_hour(prices)
        figures = (f"{seconds:.1f}", f"{median(result, variant, 'cpu_s'):.0f}", f"{result['images'] / seconds:.1f}")
        rows.append((variant, *figures, f"{cents:.2f}"))
    return _table(("tasks run in", "wall time, s", "processor time, s", "images/s", "cost, cents"), rows)


def _chart(result: Result) -> str:
    names = ", ".join(f'"{variant}"' for variant in variants(result))
    bars = ", ".join(f"{median(result, variant):.1f}" for variant in variants(result))
    chart = f'xychart-beta horizontal\n  x-axis [{names}]\n  y-axis "wall time, s"\n  bar [{bars}]'
    return f"```mermaid\n{chart}\n```\n"


def _projected(times: Times, prices: Mapping[str, Any]) -> str:
    instance, rows = prices["instance"], []
    cores = instance["vcpus"] * prices["vcpu_share_of_a_core"]
    per_hour = instance["ec2_per_hour"] + instance["emr_per_hour"]
    for images in PHOTOGRAPHS:
        minutes = [
            prices["cluster_start_minutes"] + times.seconds(images, machines * cores) / 60 for machines in MACHINES
        ]
        paid = [spent / 60 * (machines + 1) * per_hour for spent, machines in zip(minutes, MACHINES, strict=True)]
        cells = [f"{spent:,.0f} min, {dollars:,.2f} $" for spent, dollars in zip(minutes, paid, strict=True)]
        rows.append((f"{images:,}", *cells))
    return _table(("photographs", *(f"{machines} machines" for machines in MACHINES)), rows)


def _per_vcpu_hour(prices: Mapping[str, Any]) -> float:
    instance = prices["instance"]
    return float((instance["ec2_per_hour"] + instance["emr_per_hour"]) / instance["vcpus"])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (header, ["---"] * len(header), *rows))

"""The numbers of the report's charts. `charts.svg.j2` draws them."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLORS = tuple(f"var(--series-{number})" for number in range(1, 11))
OTHER_COLOR = "var(--series-other)"
MOST_POINTS = 4_000
SPLIT_COLORS = {"Training": COLORS[0], "Test": COLORS[1], "Validation": COLORS[2], None: COLORS[9]}


@dataclass(frozen=True)
class Frame:
    """A plot's inner rectangle inside its drawing, and the ranges of its axes; y grows upward."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    width: float = 560
    height: float = 420
    left: float = 62
    right: float = 544
    top: float = 14
    bottom: float = 376

    def x(self, value: float) -> float:
        low, high = self.x_range
        return round(self.left + (value - low) / (high - low) * (self.right - self.left), 1)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return round(self.bottom - (value - low) / (high - low) * (self.bottom - self.top), 1)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers from low to high, a step of 1, 2 or 5 times a power of ten apart.

    >>> ticks(0, 600)
    [0.0, 200.0, 400.0, 600.0]
    """
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def explained_variance(spectrum: Sequence[float], components: int, kept: float | None = None) -> dict[str, Any]:
    """Return the curve of the cumulative share of the variance by number of components, and the chosen number's dot.

    `kept` is the share that the model keeps, where it is not the spectrum's own and so lies below the curve.
    """
    cumulative = np.concatenate([[0.0], np.minimum(np.cumsum(spectrum), 1.0)])
    shown = min(len(spectrum), max(components * 3, 20))
    frame = Frame((0, shown), (0, 1))
    places = np.unique(np.linspace(0, shown, min(shown, 300) + 1).astype(int))
    curve = [(frame.x(int(place)), frame.y(float(cumulative[place]))) for place in places]
    chosen = float(cumulative[components]) if kept is None else kept
    return {"frame": frame, "curve": curve, "components": components, "chosen": chosen}


def legend_labels(labels: NDArray[np.object_]) -> list[tuple[str, int, str]]:
    """Return the commonest labels with their counts and colors, then all others together in gray."""
    counts = Counter("no label" if label is None else label for label in labels)
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    named = [(label, count, color) for (label, count), color in zip(ranked, COLORS, strict=False)]
    others = ranked[len(COLORS) :]
    if others:
        named.append((f"{len(others)} other labels", sum(count for _, count in others), OTHER_COLOR))
    return named


def scatter(vectors: NDArray[np.floating], labels: NDArray[np.object_]) -> dict[str, Any]:
    """Return the first two components as groups of points of one color, the commonest labels on top of the others."""
    points = vectors[:MOST_POINTS, :2].astype(float)
    drawn = np.array(["no label" if label is None else label for label in labels[:MOST_POINTS]], dtype=object)
    frame = Frame(_padded(points[:, 0]), _padded(points[:, 1]))
    places = np.array([(frame.x(x), frame.y(y)) for x, y in points])
    colors = {label: color for label, _, color in legend_labels(labels) if color != OTHER_COLOR}
    groups = [(places[~np.isin(drawn, list(colors))], OTHER_COLOR, 0.35)]
    groups += [(places[drawn == label], color, 0.75) for label, color in colors.items()]
    shown = [(group.tolist(), color, opacity) for group, color, opacity in groups if len(group)]
    return {"frame": frame, "groups": shown, "count": len(points)}


def _padded(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = (high - low) * 0.04 or 1.0
    return low - margin, high + margin

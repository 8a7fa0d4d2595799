"""The charts of the report, each made from plain numbers as one SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from image_features.validate.report.svg import Frame, axes, bar, dots, drawing, line, polyline, text

COLORS = tuple(f"var(--series-{number})" for number in range(1, 11))
OTHER_COLOR = "var(--series-other)"
MOST_POINTS = 4_000
# The most bars of a chart. If there are more labels, the largest and the smallest are shown, half of each.
MOST_BARS = 40
SPLIT_COLORS = {"Training": COLORS[0], "Test": COLORS[1], "Validation": COLORS[2], None: COLORS[9]}


def explained_variance(spectrum: Sequence[float], components: int, kept: float | None = None) -> str:
    """Draw the cumulative share of the variance by number of components, with the chosen number marked.

    `kept` is the share that the model keeps, where it is not the spectrum's own and so lies below the curve.
    """
    cumulative = np.concatenate([[0.0], np.minimum(np.cumsum(spectrum), 1.0)])
    shown = min(len(spectrum), max(components * 3, 20))
    frame = Frame(560, 420, (0, shown), (0, 1))
    chosen = float(cumulative[components]) if kept is None else kept
    places = np.unique(np.linspace(0, shown, min(shown, 300) + 1).astype(int))
    curve = [(frame.x(place), frame.y(float(cumulative[place]))) for place in places]
    x, y = frame.x(components), frame.y(chosen)
    # Next to the dot, on the side where there is room.
    shift, anchor = (-10, "end") if x > frame.width * 0.62 else (10, "start")
    parts = [
        *axes(frame, "components", "explained variance, cumulative", y_percent=True),
        polyline([(frame.x(0), frame.y(0)), *curve[1:], (curve[-1][0], frame.y(0))], "area"),
        polyline(curve, "curve"),
        line(x, y, x, frame.y(0), "marker"),
        line(frame.left, y, x, y, "marker"),
        f'<circle cx="{x:g}" cy="{y:g}" r="5" class="dot"/>',
        text(x + shift, y + 20, f"{components} components: {chosen:.1%}", "note", anchor),
    ]
    return drawing(frame.width, frame.height, parts, f"{components} components explain {chosen:.1%} of the variance")


def legend_labels(labels: NDArray[np.object_]) -> list[tuple[str, int, str]]:
    """Return the commonest labels with their counts and colors, then all others together in gray."""
    counts = Counter("no label" if label is None else label for label in labels)
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    named = [(label, count, color) for (label, count), color in zip(ranked, COLORS, strict=False)]
    others = ranked[len(COLORS) :]
    if others:
        named.append((f"{len(others)} other labels", sum(count for _, count in others), OTHER_COLOR))
    return named


def scatter(vectors: NDArray[np.floating], labels: NDArray[np.object_]) -> str:
    """Draw the first two components; the commonest labels are in color, on top of the others."""
    points = vectors[:MOST_POINTS, :2].astype(float)
    drawn = np.array(["no label" if label is None else label for label in labels[:MOST_POINTS]], dtype=object)
    frame = Frame(560, 420, _padded(points[:, 0]), _padded(points[:, 1]))
    colors = {label: color for label, _, color in legend_labels(labels) if color != OTHER_COLOR}
    size = 6.0 if len(points) < 500 else 4.5
    places = np.array([(frame.x(x), frame.y(y)) for x, y in points])
    groups = [(places[~np.isin(drawn, list(colors))], OTHER_COLOR, 0.35)]
    groups += [(places[drawn == label], color, 0.75) for label, color in colors.items()]
    parts = axes(frame, "component 1", "component 2")
    parts += [dots(group.tolist(), color, size, opacity) for group, color, opacity in groups if len(group)]
    return drawing(frame.width, frame.height, parts, f"the first two components of {len(points)} images")


def class_balance(counts: Mapping[str, Mapping[str | None, int]]) -> str:
    """Draw the number of images by label, the largest first, each bar divided by split."""
    ranked = sorted(counts.items(), key=lambda entry: (-sum(entry[1].values()), entry[0]))
    half = MOST_BARS // 2
    shown = ranked if len(ranked) <= MOST_BARS else ranked[:half] + ranked[-half:]
    most, height = max(sum(splits.values()) for splits in counts.values()), 20 * len(shown) + 8
    hidden = len(ranked) - len(shown)
    parts, y, width, left = [], 4.0, 560.0, 190.0
    for place, (label, splits) in enumerate(shown):
        if hidden and place == half:
            parts.append(text(left, y + 13, f"{hidden} more labels in between", "note", "start"))
            y, height = y + 24, height + 24
        x, total = left, sum(splits.values())
        parts.append(text(left - 8, y + 12, _shortened(label), anchor="end"))
        for split, count in sorted(splits.items(), key=lambda entry: list(SPLIT_COLORS).index(entry[0])):
            long = count / most * (width - left - 60)
            parts.append(bar(x, y, long, 15, SPLIT_COLORS[split], f"{label}, {split or 'no split'}: {count:,}"))
            x += long
        parts.append(text(x + 6, y + 12, f"{total:,}", anchor="start"))
        y += 20
    return drawing(width, height, parts, f"images by label, {len(ranked)} labels")


def stage_times(seconds: Mapping[str, float]) -> str:
    """Draw one bar for each stage."""
    longest, left, width = max(*seconds.values(), 1e-3), 130.0, 560.0
    parts = []
    for place, (stage, lasted) in enumerate(seconds.items()):
        y, long = 8.0 + 30 * place, lasted / longest * (width - left - 80)
        parts.append(text(left - 8, y + 15, stage, anchor="end"))
        parts.append(bar(left, y, long, 20, COLORS[0], f"{stage}: {lasted:.1f} s"))
        parts.append(text(left + long + 6, y + 15, f"{lasted:,.1f} s", anchor="start"))
    return drawing(width, 30 * len(seconds) + 12, parts, "seconds by stage")


def _padded(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = (high - low) * 0.04 or 1.0
    return low - margin, high + margin


def _shortened(label: str, most: int = 26) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}\u2026"

"""The few SVG pieces from which the charts are made; colors come from the page's CSS variables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Frame:
    """A plot's inner rectangle inside its drawing, and the ranges of its axes; y grows upward."""

    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    left: float = 62
    right: float = 16
    top: float = 14
    bottom: float = 44

    def x(self, value: float) -> float:
        low, high = self.x_range
        return round(self.left + (value - low) / (high - low) * (self.width - self.left - self.right), 1)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return round(
            self.height - self.bottom - (value - low) / (high - low) * (self.height - self.top - self.bottom), 1
        )


def drawing(width: float, height: float, parts: Sequence[str], title: str) -> str:
    """Return an SVG that scales with the page; a screen reader says its `title`."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def text(x: float, y: float, content: str, kind: str = "tick", anchor: str = "middle", turn: bool = False) -> str:
    turned = f' transform="rotate(-90 {x:g} {y:g})"' if turn else ""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}"{turned}>{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" class="{kind}"/>'


def bar(x: float, y: float, width: float, height: float, fill: str, tip: str) -> str:
    shape = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:g}" rx="2"'
    return f'<rect {shape} fill="{fill}"><title>{escape(tip)}</title></rect>'


def polyline(points: Sequence[tuple[float, float]], kind: str) -> str:
    return f'<polyline points="{" ".join(f"{x:g},{y:g}" for x, y in points)}" class="{kind}"/>'


def dots(points: Sequence[tuple[float, float]], color: str, size: float, opacity: float) -> str:
    """Return thousands of points as one path: lines of no length with round ends."""
    path = "".join(f"M{x:g} {y:g}h0" for x, y in points)
    return (
        f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{size:g}" stroke-linecap="round" '
        f'stroke-opacity="{opacity:g}"/>'
    )


def axes(frame: Frame, x_label: str, y_label: str, y_percent: bool = False) -> list[str]:
    """Return grid, ticks and the names of both axes."""
    bottom, middle = frame.height - frame.bottom, (frame.left + frame.width - frame.right) / 2
    parts = []
    for value in ticks(*frame.y_range):
        y = frame.y(value)
        parts.append(line(frame.left, y, frame.width - frame.right, y, "grid"))
        parts.append(text(frame.left - 8, y + 4, f"{value:.0%}" if y_percent else f"{value:g}", anchor="end"))
    for value in ticks(*frame.x_range):
        parts.append(text(frame.x(value), bottom + 18, f"{value:g}"))
        parts.append(line(frame.x(value), bottom, frame.x(value), bottom + 4, "axis"))
    parts.append(line(frame.left, bottom, frame.width - frame.right, bottom, "axis"))
    parts.append(text(middle, frame.height - 6, x_label, "name"))
    parts.append(text(12, (frame.top + bottom) / 2, y_label, "name", turn=True))
    return parts


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

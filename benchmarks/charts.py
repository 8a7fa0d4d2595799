"""Pure: plain SVG charts, drawn from numbers; readable on white and on black."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LABEL_WIDTH, ROW_HEIGHT = 880, 410, 22
COLORS = ("#3b7dd8", "#d8823b", "#4a9d5b", "#a05bb5")
TEXT = 'font-family="sans-serif" font-size="12" fill="#808080"'
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Bar:
    """One horizontal bar and the number at its end; those of a kind have a color."""

    label: str
    value: float
    kind: int = 0


def bar_chart(title: str, bars: Sequence[Bar], digits: int) -> str:
    most = max(bar.value for bar in bars)
    parts = [_text(4, 16, title)]
    for number, bar in enumerate(bars):
        y, length = 28 + number * ROW_HEIGHT, bar.value / most * (WIDTH - LABEL_WIDTH - 60)
        parts.append(_text(LABEL_WIDTH - 8, y + 13, bar.label, "end"))
        color = COLORS[bar.kind]
        parts.append(f'<rect x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="16" fill="{color}"/>')
        parts.append(_text(LABEL_WIDTH + length + 6, y + 13, f"{bar.value:,.{digits}f}"))
    return _svg(34 + len(bars) * ROW_HEIGHT, parts)


def line_chart(title: str, lines: Mapping[str, Points]) -> str:
    """Both axes start at 0; every point is labelled with its own numbers."""
    left, top, bottom, right = 20, 50, 330, WIDTH - 90
    points = [point for line in lines.values() for point in line]
    most_x, most_y = max(x for x, _ in points), max(y for _, y in points)
    parts = [_text(4, 16, title), f'<path d="M{left} {top}V{bottom}H{right}" stroke="#808080" fill="none"/>']
    for number, (name, line) in enumerate(lines.items()):
        color = COLORS[number % len(COLORS)]
        placed = [(left + x / most_x * (right - left), bottom - y / most_y * (bottom - top)) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" stroke="{color}" stroke-width="2" fill="none"/>')
        for (x, y), (rows, seconds) in zip(placed, line, strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>')
            parts.append(_text(x + 6, y - 6, f"{rows:,.0f}: {seconds:,.0f} s"))
        parts.append(f'<rect x="{left + 180 * number}" y="26" width="12" height="12" fill="{color}"/>')
        parts.append(_text(left + 180 * number + 18, 36, name))
    return _svg(350, parts)


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {TEXT}>{escape(text)}</text>'


def _svg(height: int, parts: Sequence[str]) -> str:
    inside = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">\n{inside}\n</svg>\n'

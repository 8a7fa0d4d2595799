"""The difference of two snapshots as a person reads it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.diff.changes import KINDS

SHOWN = 5
WIDTH = 24


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs; counts are A's, then B's."""
    for side in ("a", "b"):
        one = found[side]
        yield f"{side.upper()}  snapshot {one['snapshot']} of run {one['run']}, published {one['published_at']}"
    yield from _image_lines(found["images"])
    for name, (before, after) in found["numbers"].items():
        if before != after:
            yield _line(name.replace("_", " "), f"{_short(before)} -> {_short(after)}{_change(before, after)}")
        elif before is not None:
            yield _line(name.replace("_", " "), _short(before))
    for reason, (before, after) in found["rejects"].items():
        yield _line(f"rejects {reason}", f"{before:,} -> {after:,}")
    for name, (before, after) in found["params"].items():
        yield _line(f"param {name}", f"{_short(before)} -> {_short(after)}")
    if found["a"]["code_version"] != found["b"]["code_version"]:
        yield _line("code", f"{found['a']['code_version']} -> {found['b']['code_version']}")
    identity = {name: pair for name, pair in found["identity"].items() if name != "is_same"}
    same = (
        "the same identity: they compare" if found["identity"]["is_same"] else "another identity: do not compare them"
    )
    yield _line("vectors", same)
    for name, (before, after) in identity.items():
        yield _line("", f"{name} {_short(before)} -> {_short(after)}")
    yield from _model_lines(found["model"])


def _image_lines(images: Mapping[str, Any]) -> Iterator[str]:
    if "unknown" in images:
        yield _line("photographs", f"not compared: {images['unknown']}")
        return
    counts = [f"{len(images[kind]):,} {kind}" for kind in KINDS if images[kind]]
    yield _line("photographs", f"{images['a']:,} -> {images['b']:,}: {', '.join(counts) or 'the same'}")
    for kind in KINDS:
        for entry in images[kind][:SHOWN]:
            yield _line("", f"{kind} {entry if isinstance(entry, str) else _moved(entry)}")
        if len(images[kind]) > SHOWN:
            yield _line("", f"... and {len(images[kind]) - SHOWN:,} more {kind} (JSON=1 has them all)")
    for label, (before, after) in list(images["labels"].items())[:SHOWN]:
        yield _line(f"label {label or '(none)'}", f"{before:,} -> {after:,}")
    if len(images["labels"]) > SHOWN:
        yield _line("", f"... and {len(images['labels']) - SHOWN:,} more labels whose numbers differ")


def _model_lines(model: Mapping[str, Any]) -> Iterator[str]:
    if model["fitted_in"][0] == model["fitted_in"][1] and model["fitted_in"][0]:
        yield _line("model", f"the same, fitted in {model['fitted_in'][0]}: PCA features compare")
    else:
        yield _line("model", f"{model['fitted_in'][0]} -> {model['fitted_in'][1]}: PCA features do not compare")
    angles: Sequence[float] | None = model.get("angles_deg")
    if angles is None:
        yield _line("subspace", f"not compared: {model['unknown']}")
        return
    middle = sorted(angles)[len(angles) // 2]
    yield _line(
        "subspace",
        f"{len(angles)} principal angles: smallest {min(angles):.2f}, median {middle:.2f}, largest {max(angles):.2f} "
        "degrees",
    )


def _moved(entry: Mapping[str, Any]) -> str:
    before, after = entry["label"]
    labels = "" if before == after else f", label {before} -> {after}"
    return f"{entry['was']} -> {entry['uri']}{labels}"


def _line(title: str, text: str) -> str:
    return f"  {title:<{WIDTH}}{text}".rstrip()


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _change(before: Any, after: Any) -> str:
    if before is None or after is None:
        return ""
    return f" ({after - before:+,.4f})" if isinstance(after - before, float) else f" ({after - before:+,})"

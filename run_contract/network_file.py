"""The description of a network of one's own: a JSON file next to the model, which says what goes in and comes out."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_DESCRIPTION_BYTES = 64 * 1024
MOST_MODEL_BYTES = 1024**3
"""All files of a model together: the driver and each worker hold them in memory."""
LEAST_SIDE_PX, MOST_SIDE_PX = 16, 1024
MOST_DIMENSION = 4096
"""The Gram matrix of the PCA is as wide as a vector is long."""
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIRST_BYTES = {".onnx": b"\x08", ".xml": b"<"}
_KEYS = ("files", "side_px", "channels", "mean", "scale", "output", "dimension")


class NetworkFileError(ValueError):
    """A description, or a model next to it, that cannot be used."""


@dataclass(frozen=True)
class DescribedNetwork:
    """A network of one's own. It takes (pixel - mean) / scale of each channel, in the order of `channels`.

    `files` are the SHA-256 of the model's files by their names, `side_px` is the side of the square picture, `output`
    the name of the output that has the vectors, and `dimension` their length.
    """

    files: Mapping[str, str]
    side_px: int
    channels: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    output: str
    dimension: int

    @property
    def model(self) -> str:
        """The name of the file to load: an ONNX model, or the structure of one of OpenVINO."""
        return next(name for name in self.files if not name.endswith(".bin"))


def parse_description(content: bytes) -> DescribedNetwork:
    """Return the network that a description describes; raise NetworkFileError, which names all that is wrong."""
    if len(content) > MOST_DESCRIPTION_BYTES:
        raise NetworkFileError(
            f"it has {len(content):,} bytes and a description at most {MOST_DESCRIPTION_BYTES:,}; is it the model "
            "itself? name the .json file next to it"
        )
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NetworkFileError(f"it is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise NetworkFileError(f"it is no JSON object with the keys {', '.join(_KEYS)}")
    wrong = [f"there is no key {key!r}" for key in _KEYS if key not in found]
    wrong += [f"the key {key!r} is not known" for key in found if key not in _KEYS]
    wrong += [text for key in _KEYS if key in found and (text := _wrong(key, found[key]))]
    if wrong:
        raise NetworkFileError(f"{'; '.join(wrong)}; the keys are {', '.join(_KEYS)}")
    mean, scale = (_three(found[key]) for key in ("mean", "scale"))
    return DescribedNetwork(**{**found, "mean": mean, "scale": scale})


def check_files(described: DescribedNetwork, sizes: Mapping[str, int | None]) -> None:
    """Raise NetworkFileError for a model that is too large or not whole; the size of a file that is missing is null."""
    missing = [name for name in described.files if sizes.get(name) is None]
    if missing:
        raise NetworkFileError(f"it names {', '.join(missing)}, which is not next to it: put the files into one folder")
    total = sum(size or 0 for size in sizes.values())
    if total > MOST_MODEL_BYTES:
        raise NetworkFileError(f"its model has {total:,} bytes, and at most {MOST_MODEL_BYTES:,} are taken")


def has_first_bytes(name: str) -> bool:
    """Return whether it is known how a file of this kind begins."""
    return name[name.rfind(".") :] in _FIRST_BYTES


def check_first_bytes(name: str, first_bytes: bytes) -> None:
    """Raise NetworkFileError for a file that does not begin as a model of its kind does.

    >>> check_first_bytes("a.onnx", b"<html>")
    Traceback (most recent call last):
    ...
    run_contract.network_file.NetworkFileError: a.onnx is no ONNX model: it begins with b'<html>'
    """
    suffix = name[name.rfind(".") :]
    if has_first_bytes(name) and not first_bytes.startswith(_FIRST_BYTES[suffix]):
        kind = "ONNX" if suffix == ".onnx" else "OpenVINO"
        raise NetworkFileError(f"{name} is no {kind} model: it begins with {first_bytes[:20]!r}")


def _three(value: Any) -> tuple[float, ...]:
    return (float(value),) * 3 if isinstance(value, int | float) else tuple(float(each) for each in value)


def _wrong(key: str, value: Any) -> str | None:
    """Return what is wrong with the value of a key, null if it is good."""
    expected = {
        "files": "the SHA-256 of name.onnx, or of name.xml and name.bin, by these names, without folders",
        "side_px": f"a whole number from {LEAST_SIDE_PX} to {MOST_SIDE_PX}",
        "channels": "RGB or BGR",
        "mean": "a number, or three, from -1e6 to 1e6",
        "scale": "a number above 0, or three, up to 1e6",
        "output": "the name of the output that has the vectors",
        "dimension": f"a whole number from 1 to {MOST_DIMENSION}",
    }[key]
    is_good = {
        "files": _are_files,
        "side_px": lambda it: _is_whole(it) and LEAST_SIDE_PX <= it <= MOST_SIDE_PX,
        "channels": lambda it: it in ("RGB", "BGR"),
        "mean": lambda it: _are_numbers(it, least=-1e6),
        "scale": lambda it: _are_numbers(it, least=1e-6),
        "output": lambda it: isinstance(it, str) and 0 < len(it) <= 500,
        "dimension": lambda it: _is_whole(it) and 1 <= it <= MOST_DIMENSION,
    }[key](value)
    return None if is_good else f"{key} is {_shown(value)}, and must be {expected}"


def _shown(value: Any) -> str:
    try:
        return json.dumps(value)[:80]
    except (RecursionError, ValueError):
        # It is nested too deeply, or a number of too many digits.
        return f"a {type(value).__name__}"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_numbers(value: Any, least: float) -> bool:
    numbers = value if isinstance(value, list) else [value] * 3
    is_number = [isinstance(each, int | float) and not isinstance(each, bool) for each in numbers]
    # Not a number is in no range.
    return all(is_number) and len(numbers) == 3 and all(least <= each <= 1e6 for each in numbers)


def _are_files(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    names = sorted(value)
    is_sound = all(
        _FILE_NAME.fullmatch(name) and isinstance(sha256, str) and _SHA256.fullmatch(sha256)
        for name, sha256 in value.items()
    )
    stem = names[0].rpartition(".")[0] if names else ""
    return is_sound and (names == [f"{stem}.onnx"] or names == [f"{stem}.bin", f"{stem}.xml"])

"""ONNX models of a few bytes, written by hand: the nodes need no package that writes ONNX, and neither do tests."""

from collections.abc import Iterable, Sequence

import numpy as np

FLOAT, INT64 = 1, 7


def model(
    nodes: Iterable[bytes],
    constants: Iterable[bytes] = (),
    shape: Sequence[int | str] = ("n", 3, 16, 16),
    kind: int = FLOAT,
    inputs: int = 1,
) -> bytes:
    """A ModelProto whose inputs are of this shape and whose only output is named `features`."""
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"g")
    graph += b"".join(_field(5, constant) for constant in constants)
    names = ["picture", *(f"more{number}" for number in range(1, inputs))]
    graph += b"".join(_field(11, _value(name, shape, kind)) for name in names)
    graph += _field(12, _value("features", (), FLOAT))
    return _number(1, 8) + _field(8, _number(2, 13)) + _field(7, graph)


def node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    return b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode()) + _field(4, kind.encode())


def constant(name: str, values: np.ndarray) -> bytes:
    kind = FLOAT if values.dtype == np.float32 else INT64
    return _tensor_head(name, values.shape, kind) + _field(9, values.tobytes())


def external_constant(name: str, shape: Sequence[int], location: str) -> bytes:
    """A tensor whose numbers lie in another file."""
    entry = _field(1, b"location") + _field(2, location.encode())
    return _tensor_head(name, shape, FLOAT) + _field(13, entry) + _number(14, 1)


def mean_colors(*constants: bytes, **form: object) -> bytes:
    """The mean of each channel, times a matrix `w` of (3, d)."""
    nodes = [
        node("GlobalAveragePool", ["picture"], "pooled"),
        node("Flatten", ["pooled"], "flat"),
        node("MatMul", ["flat", "w"], "features"),
    ]
    return model(nodes, constants, **form)  # type: ignore[arg-type]


def _tensor_head(name: str, shape: Sequence[int], kind: int) -> bytes:
    return b"".join(_number(1, side) for side in shape) + _number(2, kind) + _field(8, name.encode())


def _value(name: str, shape: Sequence[int | str], kind: int) -> bytes:
    sides = (_number(1, side) if isinstance(side, int) else _field(2, side.encode()) for side in shape)
    tensor = _number(1, kind) + (_field(2, b"".join(_field(1, side) for side in sides)) if shape else b"")
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content

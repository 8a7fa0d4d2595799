"""A model of one's own, ONNX or OpenVINO: fetched, checked, tried out, and made to take the pixels of photographs."""

from pathlib import Path
from typing import Any

import numpy as np

from image_features.networks.engines.openvino import openvino, options
from image_features.networks.weights import FoundWeights, OwnNetworkError, own_file, sha256_of
from image_features.storage import objects
from run_contract.network_file import DescribedNetwork, NetworkFileError, check_files, check_first_bytes

# What a trial may differ by: kernels are chosen by the size of the batch.
_ROUNDING = 1e-3
# Squares of such numbers, and sums of them, are far from the largest float32.
_MOST = 1e6
# What is quoted of a model, which strangers may have made.
_MOST_OF_A_TEXT = 300


def export_own(weights: FoundWeights, described: DescribedNetwork, folder: Path) -> list[Path]:
    """Write the model as any other network: from uint8 (n, side, side, 3), RGB, to float32 (n, dimension).

    Raises OwnNetworkError for files that are not those of the description, and for a model that cannot be used.
    """
    try:
        path = _fetch(weights.source, described, folder)
        model = _with_preprocessing(_read(path, described), described)
        _try_out(model, described)
    except NetworkFileError as error:
        raise OwnNetworkError(weights.source, str(error)) from error
    openvino.save_model(model, str(folder / "network.xml"), compress_to_fp16=False)
    return [folder / "network.xml", folder / "network.bin"]


def _fetch(source: str, described: DescribedNetwork, folder: Path) -> Path:
    """Bring the model's files into a folder of their own, so that it finds no other file next to it."""
    beside = {name: f"{source.rpartition('/')[0] or '.'}/{name}" for name in described.files}
    check_files(described, {name: _size(place) for name, place in beside.items()})
    own = folder / "own_model"
    own.mkdir()
    for name, sha256 in described.files.items():
        path = own / name
        found = own_file(beside[name], own)
        if found != path:
            path.symlink_to(found.resolve())
        if sha256_of(path) != sha256:
            raise NetworkFileError(f"{name} has the SHA-256 {sha256_of(path)}, and its description names {sha256}")
        with path.open("rb") as opened:
            check_first_bytes(name, opened.read(64))
    return own / described.model


def _said(error: RuntimeError) -> str:
    return " ".join(str(error).split())[-_MOST_OF_A_TEXT:]


def _size(place: str) -> int | None:
    if place.startswith("s3://"):
        return objects.find_size(place)
    return Path(place).stat().st_size if Path(place).is_file() else None


def _read(path: Path, described: DescribedNetwork) -> Any:
    """Return the model from its one input to the output that is named."""
    try:
        model = openvino.Core().read_model(path)
    except RuntimeError as error:
        raise NetworkFileError(
            f"{path.name} is no model that OpenVINO reads. Save it whole, as one file without external data. "
            f"It says: {_said(error)}"
        ) from error
    if len(model.inputs) != 1:
        raise NetworkFileError(f"{path.name} has {len(model.inputs)} inputs, and must have one, the picture")
    outputs = {name: output for output in model.outputs for name in output.get_names()}
    if described.output not in outputs:
        others = ", ".join(map(repr, sorted(outputs)))[:_MOST_OF_A_TEXT]
        raise NetworkFileError(f"{path.name} has no output {described.output!r}, but {others}")
    return openvino.Model([outputs[described.output]], [model.inputs[0].get_node()], "network")


def _with_preprocessing(model: Any, described: DescribedNetwork) -> Any:
    layout = _layout(model, described)
    steps = openvino.preprocess.PrePostProcessor(model)
    tensor = steps.input().tensor()
    tensor.set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    tensor.set_color_format(openvino.preprocess.ColorFormat.RGB)
    change = steps.input().preprocess().convert_element_type(openvino.Type.f32)
    if described.channels == "BGR":
        change = change.convert_color(openvino.preprocess.ColorFormat.BGR)
    change.mean(list(described.mean)).scale(list(described.scale))
    steps.input().model().set_layout(openvino.Layout(layout))
    steps.output().tensor().set_element_type(openvino.Type.f32)
    return steps.build()


def _layout(model: Any, described: DescribedNetwork) -> str:
    """Return where the model has its channels, and let it take batches of any size."""
    given, side = model.inputs[0], described.side_px
    shape, kind = given.get_partial_shape(), given.get_element_type().get_type_name()
    if kind not in ("f32", "f16"):
        raise NetworkFileError(f"its input has numbers of the type {kind}, and must have f32 or f16")
    sides = [] if shape.rank.is_dynamic else [each.to_string() for each in list(shape)[1:]]
    layouts = {("3", f"{side}", f"{side}"): "NCHW", (f"{side}", f"{side}", "3"): "NHWC"}
    if tuple(sides) not in layouts:
        raise NetworkFileError(
            f"its input has the shape {shape}, and must have [?,3,{side},{side}] or [?,{side},{side},3], for side_px "
            f"is {side}: only the size of a batch may be left open"
        )
    try:
        model.reshape([-1, *(int(each) for each in sides)])
    except RuntimeError as error:
        raise NetworkFileError(f"it takes no batch of any size: {_said(error)}") from error
    return layouts[tuple(sides)]


def _try_out(model: Any, described: DescribedNetwork) -> None:
    """Raise NetworkFileError unless pictures come out as vectors of their own, whatever is next to them."""
    side, random = described.side_px, np.random.default_rng(0)
    coarse = random.integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    pixels = coarse.repeat(-(-side // 4), axis=1).repeat(-(-side // 4), axis=2)[:, :side, :side]
    try:
        compiled = openvino.Core().compile_model(model, "CPU", options("float32", 2))
        both, first = (np.array(compiled(np.ascontiguousarray(each))[0]) for each in (pixels, pixels[:1]))
    except RuntimeError as error:
        raise NetworkFileError(f"it cannot be computed: {_said(error)}") from error
    if both.shape != (2, described.dimension):
        raise NetworkFileError(
            f"of two pictures its output {described.output!r} has the shape {list(both.shape)}, and must have "
            f"[2, {described.dimension}], for dimension is {described.dimension}: one vector for each picture"
        )
    if not np.isfinite(both).all():
        raise NetworkFileError("its vectors hold NaN or Inf: are mean and scale those that it was trained with?")
    length = np.abs(both).max()
    if length > _MOST:
        raise NetworkFileError(f"its vectors hold numbers as large as {length:.0e}: at most {_MOST:.0e} are taken")
    if length == 0 or np.abs(both[0] - both[1]).max() <= _ROUNDING * length:
        raise NetworkFileError("it gives two different pictures the same vector: are its weights in it?")
    if np.abs(both[:1] - first).max() > _ROUNDING * length:
        raise NetworkFileError("the vector of a picture depends on the other pictures of its batch")

"""A description of one's own network is read whole or refused, with all that is wrong in it."""

import json
from typing import Any

import pytest

from run_contract.backbones import why_not_together
from run_contract.network_file import (
    MOST_MODEL_BYTES,
    DescribedNetwork,
    NetworkFileError,
    check_files,
    parse_description,
)

SHA = "0a" * 32
GOOD: dict[str, Any] = {
    "files": {"net.onnx": SHA},
    "side_px": 224,
    "channels": "RGB",
    "mean": [127, 127.5, 0],
    "scale": 128,
    "output": "features",
    "dimension": 1280,
}


def parsed(**changed: Any) -> DescribedNetwork:
    found = {key: value for key, value in {**GOOD, **changed}.items() if value is not ...}
    return parse_description(json.dumps(found).encode())


def test_a_number_stands_for_all_three_channels_and_the_model_is_the_file_to_load() -> None:
    described = parsed(files={"net.bin": SHA, "net.xml": SHA})

    assert (described.mean, described.scale) == ((127.0, 127.5, 0.0), (128.0, 128.0, 128.0))
    assert described.model == "net.xml"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"files": {"../net.onnx": SHA}}, "files is .*without folders"),
        ({"files": {"net.onnx": SHA.upper()}}, "files is"),
        ({"files": {"net.pt": SHA}}, "must be the SHA-256 of name.onnx"),
        ({"files": {"net.xml": SHA}}, "files is"),
        ({"files": {"net.xml": SHA, "other.bin": SHA}}, "files is"),
        ({"files": {}}, "files is"),
        ({"side_px": 224.5}, "side_px is 224.5, and must be a whole number from 16 to 1024"),
        ({"side_px": True}, "side_px is true"),
        ({"side_px": 100_000}, "side_px is 100000"),
        ({"channels": "GRB"}, 'channels is "GRB", and must be RGB or BGR'),
        ({"channels": ["RGB"]}, "channels is"),
        ({"mean": [1, 2]}, "mean is"),
        ({"mean": "0"}, "mean is"),
        ({"mean": float("nan")}, "mean is NaN"),
        ({"mean": 10**400}, "mean is .* must be a number"),
        ({"scale": [1, 0, 1]}, "scale is .* must be a number above 0"),
        ({"scale": -1}, "scale is -1"),
        ({"output": ""}, "output is"),
        ({"dimension": 5000}, "dimension is 5000, and must be a whole number from 1 to 4096"),
        ({"dimension": ..., "size": 1}, "there is no key 'dimension'; the key 'size' is not known; the keys are files"),
    ],
)
def test_what_is_wrong_in_a_description_is_named_with_what_is_right(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(NetworkFileError, match=says):
        parsed(**changed)


@pytest.mark.parametrize("content", [b"\x08\x07", b"[]", b"", b"[" * 60_000, "{}".encode("utf-16"), b"null"])
def test_what_is_no_description_is_refused(content: bytes) -> None:
    with pytest.raises(NetworkFileError):
        parse_description(content)


def test_the_model_in_place_of_its_description_is_noticed() -> None:
    with pytest.raises(NetworkFileError, match="is it the model itself"):
        parse_description(b"\x08" * 70_000)


def test_a_model_that_is_not_whole_or_too_large_is_refused() -> None:
    described = parsed(files={"net.bin": SHA, "net.xml": SHA})
    check_files(described, {"net.bin": MOST_MODEL_BYTES - 5, "net.xml": 5})
    with pytest.raises(NetworkFileError, match=r"names net\.bin, which is not next to it"):
        check_files(described, {"net.bin": None, "net.xml": 5})
    with pytest.raises(NetworkFileError, match=r"has 1,073,741,829 bytes"):
        check_files(described, {"net.bin": MOST_MODEL_BYTES, "net.xml": 5})


@pytest.mark.parametrize(
    ("backbone", "weights", "engine", "says"),
    [
        ("mobilenet_v2", "random:0", "tensorflow", "precision=mixed and engine=tensorflow: give engine=openvino"),
        ("resnet50", "random:0", "openvino", "precision=mixed is for backbone=mobilenet_v2 alone"),
        ("file", "imagenet", "openvino", "give as weights the .json"),
        ("file", "random:0", "openvino", "give as weights the .json"),
        ("file", "s3://b/net.onnx", "openvino", "give as weights the .json"),
        ("vgg16", "s3://b/net.JSON", "openvino", "give backbone=file"),
        ("file", "s3://b/net.json", "tensorflow", "give engine=openvino"),
    ],
)
def test_params_that_do_not_go_together_are_refused(backbone: str, weights: str, engine: str, says: str) -> None:
    precision = "mixed" if says.startswith("precision") else "float32"
    params = {"backbone": backbone, "weights": weights, "engine": engine, "precision": precision}
    assert says in str(why_not_together(params))
    good = {"backbone": "mobilenet_v2", "weights": "imagenet", "engine": "openvino", "precision": "mixed"}
    assert why_not_together(good) is None

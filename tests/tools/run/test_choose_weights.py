"""The weights of `make run`: Keras's own are staged before the run, and only the demo falls back to random ones."""

from pathlib import Path

import pytest

from tools.local.home import LocalHome
from tools.run import run_pipeline
from tools.run.run_request import parse_request


@pytest.fixture
def home(tmp_path: Path) -> LocalHome:
    return LocalHome(tmp_path)


@pytest.fixture
def looked_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The backbones whose own weights were looked for, which cannot be had."""
    backbones: list[str] = []

    def imagenet_or_why_not(backbone: str, home: LocalHome) -> str | None:
        backbones.append(backbone)
        return "no internet"

    monkeypatch.setattr(run_pipeline, "imagenet_or_why_not", imagenet_or_why_not)
    monkeypatch.delenv("FRUIT_FEATURES_WEIGHTS", raising=False)
    monkeypatch.delenv("FRUIT_FEATURES_BACKBONE", raising=False)
    return backbones


def chosen(home: LocalHome, **variables: str) -> str | None:
    return run_pipeline.choose_weights(parse_request(variables), home)


def test_the_demo_alone_falls_back_to_random_weights(home: LocalHome, looked_for: list[str]) -> None:
    assert chosen(home) == "random:0"
    assert chosen(home, SOURCE="grocery", BACKBONE="resnet50") is None
    assert chosen(home, WEIGHTS="imagenet") == "imagenet"
    assert looked_for == ["mobilenet_v2", "resnet50", "mobilenet_v2"]


def test_weights_that_can_be_had_are_nobodys_to_change(home: LocalHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_pipeline, "imagenet_or_why_not", lambda *_: None)

    assert chosen(home) is None


def test_what_the_deployment_sets_is_staged_or_left_to_it(
    home: LocalHome, looked_for: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_BACKBONE", "vgg16")
    assert chosen(home, SOURCE="grocery") is None
    monkeypatch.setenv("FRUIT_FEATURES_WEIGHTS", "random:7")
    assert chosen(home) is None
    assert looked_for == ["vgg16"]

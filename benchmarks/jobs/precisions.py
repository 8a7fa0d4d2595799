"""Prints the precisions that this processor computes in."""

from collections.abc import Iterator

from image_features.networks.engines import PRECISIONS, EngineError, engine_module


def able() -> Iterator[str]:
    for precision in PRECISIONS:
        try:
            engine_module("openvino").check(precision)
        except EngineError:
            continue
        yield precision


def main() -> None:
    print(*able(), sep="\n")


if __name__ == "__main__":
    main()

"""Prints the precisions that this processor computes in."""

from image_features.engines import PRECISIONS, engine_module
from image_features.errors import EngineError


def main() -> None:
    for precision in PRECISIONS:
        try:
            engine_module("openvino").check(precision)
        except EngineError:
            continue
        print(precision)


if __name__ == "__main__":
    main()

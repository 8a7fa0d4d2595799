"""Prints the precisions that this processor computes in."""

from collections.abc import Iterator

from image_features.networks.engines.engine import EngineError
from image_features.networks.engines.openvino import check_processor
from run_contract.param_queries import param_named


def able() -> Iterator[str]:
    for precision in param_named("precision").choices:
        try:
            check_processor(precision)
        except EngineError:
            continue
        yield precision


def main() -> None:
    print(*able(), sep="\n")


if __name__ == "__main__":
    main()

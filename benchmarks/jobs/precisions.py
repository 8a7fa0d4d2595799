"""Prints the precisions that this processor computes in."""

from collections.abc import Iterator

from image_features.networks.arguments import NetworkChoice
from image_features.networks.engines.engine import EngineError, engine_module
from run_contract.params import param_named


def able() -> Iterator[str]:
    for precision in param_named("precision").choices:
        network = NetworkChoice(precision=precision)
        try:
            engine_module(network).check(network)
        except EngineError:
            continue
        yield precision


def main() -> None:
    print(*able(), sep="\n")


if __name__ == "__main__":
    main()

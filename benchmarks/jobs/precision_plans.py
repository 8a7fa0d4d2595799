"""What bfloat16 costs MobileNetV2's vectors, and what it costs when the first blocks stay in float32.

The latter plans cut the network in two: what comes before the cut is computed in float32, the rest in bfloat16.
Needs real weights, photographs in folders by label, and a processor with bfloat16. Prints JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from speed_of_light import exported

from image_features.images.decode import decode_image
from image_features.networks.backbones import BACKBONES
from image_features.networks.engines import openvino as engine
from image_features.networks.weights import FoundWeights
from run_contract.backbones import FLOAT32_UNTIL

BACKBONE = BACKBONES["mobilenet_v2"]
BATCH_SIZE = 4
COMPONENTS = 200
FOLDS = 5
# Shapes of MobileNetV2's feature maps at the ends of its first blocks, channels first.
CUTS = {"first block in float32": (16, 112, 112), "first two blocks in float32": FLOAT32_UNTIL["mobilenet_v2"]}

PredictFn = Callable[[np.ndarray], np.ndarray]


def exported_network(weights: Path, folder: str) -> Path:
    """MobileNetV2 as OpenVINO reads it."""
    return exported(BACKBONE.name, FoundWeights(str(weights), weights, "real"), folder)


def compile_part(model: Any, precision: str) -> Any:
    import openvino

    return openvino.Core().compile_model(model, "CPU", engine.options(precision, threads=1))


def whole(model: Any, precision: str) -> PredictFn:
    """Of a model, or of the path of one."""
    compiled = compile_part(model, precision)
    return lambda pixels: np.array(compiled(pixels)[0])


def in_two_parts(path: Path, shape: tuple[int, ...]) -> PredictFn:
    """Float32 up to the first feature map of this shape, bfloat16 from there."""
    import openvino

    parts = engine.in_two_parts(openvino.Core().read_model(path), shape)
    head, tail = (compile_part(part, precision) for part, precision in zip(parts, ("float32", "bfloat16"), strict=True))
    return lambda pixels: np.array(tail(head(pixels)[0])[0])


def judge(predict: PredictFn, pixels: np.ndarray, labels: list[str], reference: np.ndarray | None) -> dict[str, Any]:
    vectors = np.concatenate([predict(pixels[at : at + BATCH_SIZE]) for at in range(0, len(pixels), BATCH_SIZE)])
    reference = vectors if reference is None else reference
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(reference, axis=1)
    cosines = (vectors * reference).sum(axis=1) / lengths
    reduced = make_pipeline(StandardScaler(), PCA(COMPONENTS, random_state=0))
    probe = make_pipeline(reduced, LogisticRegression(max_iter=500, C=0.01))
    neighbors = make_pipeline(reduced, KNeighborsClassifier(5, metric="cosine"))
    return {
        "vectors": vectors,
        "median_cosine": round(float(np.median(cosines)), 5),
        "smallest_cosine": round(float(cosines.min()), 5),
        "linear_probe": round(float(cross_val_score(probe, vectors, labels, cv=FOLDS).mean()), 4),
        "knn": round(float(cross_val_score(neighbors, vectors, labels, cv=FOLDS).mean()), 4),
    }


def cpu_ms(predict: PredictFn, pixels: np.ndarray) -> float:
    """Processor time of one photograph, the best of five rounds of 64: it does not grow when others use the machine."""
    best = float("inf")
    for _ in range(5):
        before = time.process_time()
        for at in range(0, 64, BATCH_SIZE):
            predict(pixels[at : at + BATCH_SIZE])
        best = min(best, time.process_time() - before)
    return best / 64 * 1000


def load_photos(folder: Path, side_px: int) -> tuple[np.ndarray, list[str]]:
    paths = sorted(folder.rglob("*.jpg"))
    pixels = [decode_image(path.read_bytes(), side_px, "bilinear") for path in paths]
    return np.stack([one for one in pixels if isinstance(one, np.ndarray)]), [path.parent.name for path in paths]


def parse_arguments(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments(__doc__)
    pixels, labels = load_photos(arguments.photos, BACKBONE.side_px)
    with tempfile.TemporaryDirectory() as folder:
        path = exported_network(arguments.weights, folder)
        plans = {precision: whole(path, precision) for precision in ("float32", "bfloat16")}
        plans |= {name: in_two_parts(path, shape) for name, shape in CUTS.items()}
    times = {name: cpu_ms(predict, pixels) for name, predict in plans.items()}
    judged: dict[str, dict[str, Any]] = {}
    for name, predict in plans.items():
        judged[name] = judge(predict, pixels, labels, judged["float32"]["vectors"] if judged else None)
    for name, facts in judged.items():
        del facts["vectors"]
        facts |= {"cpu_ms": round(times[name], 3), "over_float32": round(times["float32"] / times[name], 3)}
    print(json.dumps({"photos": len(pixels), "labels": len(set(labels)), "plans": judged}, indent=1))


if __name__ == "__main__":
    main()

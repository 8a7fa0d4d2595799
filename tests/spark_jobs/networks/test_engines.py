"""Both engines compute what Keras computes, and refuse what they cannot."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import openvino
import pytest
from pyspark import SparkFiles

import image_features
from image_features.images.decode import decode_image
from image_features.networks.arguments import NetworkChoice
from image_features.networks.backbones import BACKBONES
from image_features.networks.engines import openvino as openvino_engine
from image_features.networks.engines.engine import EngineError, PredictFn, engine_module
from image_features.networks.engines.ship import load_shipped
from image_features.networks.keras_model import load_network
from image_features.networks.weights import FoundWeights
from tests.spark_jobs import pictures
from tests.spark_jobs.networks_for_tests import (
    ENGINES,
    RANDOM_WEIGHTS,
    REAL_WEIGHTS,
    assert_same_vectors,
    exported,
    predicted_by_keras,
)


def _photos(count: int) -> np.ndarray:
    return np.stack([np.asarray(decode_image(pictures.jpeg(seed, 90, 70), 224, "bilinear")) for seed in range(count)])


def _predict_fn(engine: str, name: str, folder: Path, weights: FoundWeights = RANDOM_WEIGHTS) -> PredictFn:
    network = NetworkChoice(backbone=name, engine=engine)
    return engine_module(network).load(exported(network, folder, weights), network, threads=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "name"),
    # What differs between networks is made before an engine is chosen: the engine that is Keras itself has one.
    [("openvino", "mobilenet_v2"), ("openvino", "resnet50"), ("openvino", "vgg16"), ("tensorflow", "mobilenet_v2")],
)
def test_an_engine_computes_what_keras_does_with_random_weights(engine: str, name: str, tmp_path: Path) -> None:
    photos = _photos(3)
    actual = _predict_fn(engine, name, tmp_path)(photos)
    assert_same_vectors(actual, predicted_by_keras(name, photos))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v3_large", "efficientnet_v2_b0", "convnext_tiny"])
def test_a_network_that_preprocesses_in_its_first_layers_is_computed_as_keras_does(name: str, tmp_path: Path) -> None:
    weights, photos = _any_weights(name, tmp_path / "any.weights.h5"), _photos(2)
    (tmp_path / "network").mkdir()
    actual = _predict_fn("openvino", name, tmp_path / "network", weights)(photos)
    assert_same_vectors(actual, predicted_by_keras(name, photos, weights))


def _any_weights(name: str, path: Path) -> FoundWeights:
    """Weights of which every layer counts: ConvNeXt's own start would multiply each of its blocks by a millionth."""
    model, _ = load_network(BACKBONES[name], RANDOM_WEIGHTS)
    random = np.random.default_rng(5)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(random.uniform(0.3, 0.7, weight.shape).astype(np.float32))
    model.save_weights(path)
    return FoundWeights(str(path), path, "0" * 64)


@pytest.mark.slow
def test_the_dense_cut_is_computed_as_keras_does(tmp_path: Path) -> None:
    photos = _photos(2)
    actual = _predict_fn("openvino", "vgg16_fc512", tmp_path)(photos)
    assert_same_vectors(actual, predicted_by_keras("vgg16_fc512", photos))


@pytest.mark.slow
@pytest.mark.skipif(not REAL_WEIGHTS.exists(), reason=f"needs real weights at {REAL_WEIGHTS}")
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_computes_what_keras_does_with_real_weights(engine: str, tmp_path: Path) -> None:
    weights = FoundWeights(str(REAL_WEIGHTS), REAL_WEIGHTS, "0" * 64)
    photos = _photos(5)
    actual = _predict_fn(engine, "mobilenet_v2", tmp_path, weights)(photos)
    assert_same_vectors(actual, predicted_by_keras("mobilenet_v2", photos, weights))
    # Distinct photographs, distinct vectors: no buffer of the engine is handed out twice.
    assert len(np.unique(actual.round(3), axis=0)) == 5


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
def test_workers_side_by_side_are_not_pinned_to_one_core(engine: str, threads: int, tmp_path: Path) -> None:
    """Each worker of a node by itself would choose the first core, and leave the others idle."""
    allowed = os.sched_getaffinity(0)
    if len(allowed) == 1:
        pytest.skip("this machine has one core to run on")
    chosen, photos = NetworkChoice(engine=engine), _photos(2)
    network = exported(chosen, tmp_path)
    # Threads of earlier tests, which may have computed with Keras's own settings, say nothing of this network.
    others = {task.name for task in Path("/proc/self/task").iterdir()} - {str(threading.get_native_id())}
    predict = engine_module(chosen).load(network, chosen, threads)
    # The first batch starts the threads of the engine. For less than 1 ms one may be on one core; a pinned one stays.
    predict(photos)
    seen, is_over = set(), threading.Event()

    def look() -> None:
        while not is_over.is_set():
            for task in Path("/proc/self/task").iterdir():
                if task.name in others:
                    continue
                # A thread may end while it is looked at.
                with contextlib.suppress(ProcessLookupError):
                    seen.add(frozenset(os.sched_getaffinity(int(task.name))))
            time.sleep(0.001)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(20):
            predict(photos)
    finally:
        is_over.set()
        looking.join()
    assert seen == {frozenset(allowed)}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_result_outlives_the_next_batch(engine: str, tmp_path: Path) -> None:
    predict = _predict_fn(engine, "mobilenet_v2", tmp_path)
    photos = _photos(2)
    first = predict(photos[:1])
    before = first.copy()
    predict(photos[1:])
    np.testing.assert_array_equal(first, before)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_vector_depends_neither_on_its_neighbours_nor_on_its_place(engine: str, tmp_path: Path) -> None:
    # What incremental runs rest on: in them an image is beside others than in a run from scratch.
    predict = _predict_fn(engine, "mobilenet_v2", tmp_path)
    photos = _photos(8)
    together = np.concatenate([predict(photos[:4]), predict(photos[4:])])
    shuffled = np.array([5, 0, 7, 2, 1, 6, 3, 4])
    apart = np.concatenate([predict(photos[shuffled][start : start + 4]) for start in (0, 4)])
    np.testing.assert_array_equal(apart, together[shuffled])
    filled = predict(np.stack([photos[6]] * 4))
    np.testing.assert_array_equal(filled, np.stack([together[6]] * 4))


@pytest.mark.slow
def test_a_worker_of_openvino_never_imports_tensorflow(tmp_path: Path) -> None:
    path = exported(NetworkChoice(), tmp_path)
    worker = f"""
import sys
from pathlib import Path
import numpy as np
import image_features.featurize.worker
from image_features.networks.arguments import NetworkChoice
from image_features.networks.backbones import BACKBONES
from image_features.networks.engines.engine import engine_module
predict = engine_module(NetworkChoice()).load(Path({str(path)!r}), NetworkChoice(), 1)
assert predict(np.zeros((1, 224, 224, 3), np.uint8)).shape == (1, 1280)
print(sorted({{"tensorflow", "keras", "multiprocessing.popen_fork"}} & set(sys.modules)))
"""
    library = str(Path(image_features.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": f"{library}{os.pathsep}{Path(library).parent}"}
    done = subprocess.run([sys.executable, "-c", worker], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_worker_loads_a_network_once_and_keeps_it_for_later_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(NetworkChoice(), tmp_path)
    monkeypatch.setattr(SparkFiles, "get", lambda name: str(tmp_path / name))
    shipped = partial(load_shipped, NetworkChoice(), "network.xml", 1)
    again = pickle.loads(pickle.dumps(shipped))
    assert shipped() is again()


@pytest.mark.slow
@pytest.mark.skipif(not REAL_WEIGHTS.exists(), reason=f"needs real weights at {REAL_WEIGHTS}")
@pytest.mark.skipif(
    "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"), reason="no bfloat16"
)
def test_the_first_blocks_in_float32_bring_vectors_closer_to_those_of_float32(tmp_path: Path) -> None:
    path = exported(NetworkChoice(), tmp_path, FoundWeights(str(REAL_WEIGHTS), REAL_WEIGHTS, "0" * 64))
    photos = _photos(5)

    def vectors(precision: str, photos: np.ndarray = photos) -> np.ndarray:
        network = NetworkChoice(precision=precision)
        return engine_module(network).load(path, network, threads=1)(photos)

    exact, mixed, short = (vectors(precision) for precision in ("float32", "mixed", "bfloat16"))
    assert np.median(cosines(mixed, exact)) > 0.998 > np.median(cosines(short, exact))
    assert np.abs(vectors("mixed", photos[::-1])[::-1] - mixed).max() == 0


@pytest.mark.slow
def test_a_network_in_two_parts_is_the_whole_network(tmp_path: Path) -> None:
    path, photos = exported(NetworkChoice(), tmp_path), _photos(2)
    core, options = openvino.Core(), openvino_engine.options("float32", threads=1)
    whole, cut = core.read_model(path), core.read_model(path)
    head, tail = openvino_engine.in_two_parts(cut, NetworkChoice().float32_until)
    between = core.compile_model(head, "CPU", options)(photos)[0]
    assert between.shape == (2, 24, 56, 56)
    actual = core.compile_model(tail, "CPU", options)(between)[0]
    np.testing.assert_allclose(actual, core.compile_model(whole, "CPU", options)(photos)[0], rtol=1e-4, atol=1e-4)


def cosines(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return (found * expected).sum(axis=1) / lengths


@pytest.mark.parametrize("precision", ["bfloat16", "mixed"])
def test_tensorflow_refuses_other_precisions_wherever_they_are_asked(precision: str) -> None:
    with pytest.raises(EngineError, match="--engine openvino"):
        engine_module(NetworkChoice(engine="tensorflow", precision=precision))


@pytest.mark.parametrize("precision", ["bfloat16", "mixed"])
def test_a_processor_without_bfloat16_is_refused_where_a_network_is_loaded_and_nowhere_else(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: ["FP32", "INT8"])
    network = NetworkChoice(engine="openvino", precision=precision)
    module = engine_module(network)
    with pytest.raises(EngineError, match="FP32, INT8; choose --precision float32"):
        module.load(tmp_path / "network.xml", network, 1)

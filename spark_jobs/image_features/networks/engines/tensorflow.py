"""TensorFlow itself, for machines that OpenVINO does not serve: the same frozen graph, in float32."""

from pathlib import Path
from typing import Any

import numpy as np

from image_features.errors import EngineError

KERAS_BACKEND = "tensorflow"
IMAGE_DATA_FORMAT = "channels_last"


def check(precision: str) -> None:
    if precision != "float32":
        raise EngineError(
            "tensorflow", f"precision {precision}", "it computes in float32 alone", "choose --engine openvino"
        )


def export(model: Any, folder: Path) -> list[Path]:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    @tf.function(input_signature=[tf.TensorSpec(model.inputs[0].shape, tf.uint8, name="pixels")], autograph=False)
    def features(pixels: Any) -> Any:
        return model(pixels, training=False)

    frozen = convert_variables_to_constants_v2(features.get_concrete_function())
    path = folder / "network.pb"
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
    return [path]


def load(path: Path, precision: str, threads: int) -> Any:
    check(precision)
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    placeholder = next(node.name for node in definition.node if node.op == "Placeholder")
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    # The session's own threads: the process-wide ones can no longer be set once any graph has run.
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1, use_per_session_threads=True
    )
    session = tf.compat.v1.Session(graph=graph, config=config)
    features = graph.get_tensor_by_name(f"{definition.node[-1].name}:0")
    run = session.make_callable(features, feed_list=[graph.get_tensor_by_name(f"{placeholder}:0")])

    def predict(pixels: np.ndarray) -> np.ndarray:
        return np.asarray(run(pixels), dtype=np.float32)

    return predict

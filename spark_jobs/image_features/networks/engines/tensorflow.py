"""TensorFlow itself, for machines that OpenVINO does not serve: a frozen graph, in float32."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from image_features.networks.arguments import NetworkChoice
from image_features.networks.engines.engine import PredictFn

if TYPE_CHECKING:
    import keras

KERAS_BACKEND = "tensorflow"
IMAGE_DATA_FORMAT = "channels_last"
PRECISIONS = ("float32",)


def export(model: "keras.Model", folder: Path) -> list[Path]:
    """Write the model as a graph whose weights are constants."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def features(pixels: Any) -> Any:
        return model(pixels, training=False)

    pixels = tf.TensorSpec(model.inputs[0].shape, tf.uint8, name="pixels")
    traced = tf.function(features, autograph=False).get_concrete_function(pixels)
    frozen = convert_variables_to_constants_v2(traced)
    path = folder / "network.pb"
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
    return [path]


def load(path: Path, network: NetworkChoice, threads: int) -> PredictFn:
    """Return the function that runs the graph in a session of its own."""
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    placeholder = next(node.name for node in definition.node if node.op == "Placeholder")
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    # The threads are the session's own: those of the process can no longer be set once any graph has run.
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1, use_per_session_threads=True
    )
    session = tf.compat.v1.Session(graph=graph, config=config)
    features = graph.get_tensor_by_name(f"{definition.node[-1].name}:0")
    run = session.make_callable(features, feed_list=[graph.get_tensor_by_name(f"{placeholder}:0")])

    def predict(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(run(pixels), dtype=np.float32)

    return predict

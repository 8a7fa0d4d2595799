"""The networks to choose from: what each is, where it is cut, what comes out. Keras is imported when one is built."""

import importlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from run_contract.backbones import DIMENSIONS, IMAGENET_URLS

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class PublishedWeights:
    """A file that Keras publishes: its digest where Keras checks one, else the size that its server announces."""

    url: str
    md5: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Backbone:
    """A network without its classifier, and the preprocessing that it was trained with: never chosen apart.

    Without `dense` it ends in the average over the last feature map; else that map is flattened and goes through
    dense layers of these sizes. `module` is of keras.applications. Some networks cannot be built with channels first.
    """

    name: str
    module: str
    constructor: str
    imagenet: PublishedWeights | None
    dense: tuple[int, ...] = ()
    side_px: int = 224
    is_channels_last: bool = False

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return DIMENSIONS[self.name]

    def build(self) -> "keras.Model":
        """Return the network, in Keras's backend and image data format.

        Its weights are drawn from Keras's global random state. Input: preprocessed pixels, float32, of `input_shape()`.
        """
        import keras

        pooling = None if self.dense else "avg"
        base = getattr(keras.applications, self.constructor)(
            include_top=False, weights=None, input_shape=self.input_shape(), pooling=pooling
        )
        if not self.dense:
            return base
        channels_last = keras.ops.transpose(base.output, (0, 2, 3, 1)) if _channels_first() else base.output
        # Not keras.layers.Flatten: exported to OpenVINO, it would know one size of batches alone.
        tensor = keras.ops.reshape(channels_last, (-1, math.prod(channels_last.shape[1:])))
        for number, units in enumerate(self.dense, start=1):
            tensor = keras.layers.Dense(units, activation="relu", name=f"fc{number}")(tensor)
        return keras.Model(base.input, tensor, name=self.name)

    def input_shape(self) -> tuple[int, int, int]:
        """Return (3, side, side) or (side, side, 3), as Keras's image data format is."""
        sides = (self.side_px, self.side_px)
        return (3, *sides) if _channels_first() else (*sides, 3)

    def preprocess(self, pixels: Any) -> Any:
        """Return what the network was trained on, from float32 RGB 0..255 of (n, *input_shape()), array or tensor.

        That are the pixels themselves where the network's first layers preprocess them.
        """
        return self._keras_module().preprocess_input(pixels)

    def _keras_module(self) -> Any:
        return importlib.import_module(f"keras.applications.{self.module}")


# Keras pins no digest of this file, so there is none that we know to be right.
_MOBILENET = PublishedWeights(IMAGENET_URLS["mobilenet_v2"], size_bytes=9_406_464)
_MOBILENET_V3 = PublishedWeights(IMAGENET_URLS["mobilenet_v3_large"], md5="07fb09a5933dd0c8eaafa16978110389")
_EFFICIENTNET = PublishedWeights(IMAGENET_URLS["efficientnet_v2_b0"], md5="893217f2bb855e2983157299931e43ff")
_CONVNEXT = PublishedWeights(
    IMAGENET_URLS["convnext_tiny"], sha256="d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"
)
_RESNET50 = PublishedWeights(IMAGENET_URLS["resnet50"], md5="4d473c1dd8becc155b73f8504c6f6626")
_VGG16 = PublishedWeights(IMAGENET_URLS["vgg16"], md5="6d6bbae143d832006294945121d1f1fc")

BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone("mobilenet_v2", "mobilenet_v2", "MobileNetV2", _MOBILENET),
        Backbone("mobilenet_v3_large", "mobilenet_v3", "MobileNetV3Large", _MOBILENET_V3),
        Backbone("efficientnet_v2_b0", "efficientnet_v2", "EfficientNetV2B0", _EFFICIENTNET),
        Backbone("convnext_tiny", "convnext", "ConvNeXtTiny", _CONVNEXT, is_channels_last=True),
        Backbone("resnet50", "resnet50", "ResNet50", _RESNET50),
        Backbone("vgg16", "vgg16", "VGG16", _VGG16),
        # Nobody publishes its two dense layers; drawing them at random would not be ImageNet's weights.
        Backbone("vgg16_fc512", "vgg16", "VGG16", None, dense=(512, 512)),
    )
}


def _channels_first() -> bool:
    import keras

    return bool(keras.config.image_data_format() == "channels_first")

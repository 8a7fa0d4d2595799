"""The arguments that say which network makes the vectors: the same, with the same defaults, in every job."""

from argparse import ArgumentParser
from dataclasses import dataclass

from image_features.images.decode import RESIZES
from image_features.job.arguments import JobArguments
from image_features.networks.backbones import backbone_named
from image_features.networks.engines import ENGINES, PRECISIONS
from image_features.networks.weights import check_source
from image_features.storage.objects import split_uri


@dataclass(frozen=True, kw_only=True)
class NetworkArguments(JobArguments):
    models_uri: str
    backbone: str
    weights: str
    resize: str
    engine: str
    precision: str

    def __post_init__(self) -> None:
        super().__post_init__()
        split_uri(self.models_uri)
        backbone_named(self.backbone)
        check_source(self.weights)


def add_network_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--models-uri", required=True, help="where weights are staged")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", default="imagenet", help="imagenet, an s3:// URI, a path or random:<seed>")
    parser.add_argument("--resize", default="bilinear", choices=RESIZES)
    parser.add_argument("--engine", default="openvino", choices=ENGINES)
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)

"""The command line of `featurize_images`."""

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.arguments import JobArgumentParser, JobArguments
from image_features.backbones import backbone_named
from image_features.decoding import RESIZES
from image_features.engines import ENGINES, PRECISIONS
from image_features.errors import ArgumentError
from image_features.objects import split_uri
from image_features.weights import check_source

MAX_BATCH_SIZE = 1024


@dataclass(frozen=True, kw_only=True)
class FeaturizeArguments(JobArguments):
    images_uri: str
    features_uri: str
    rejects_uri: str
    models_uri: str
    backbone: str
    weights: str
    resize: str
    engine: str
    precision: str
    batch_size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for uri in (self.images_uri, self.features_uri, self.rejects_uri, self.models_uri):
            split_uri(uri)
        backbone_named(self.backbone)
        check_source(self.weights)
        if not 1 <= self.batch_size <= MAX_BATCH_SIZE:
            raise ArgumentError("--batch-size", self.batch_size, f"a number of images, 1 to {MAX_BATCH_SIZE}")


def parse_featurize_arguments(argv: Sequence[str]) -> FeaturizeArguments:
    parser = JobArgumentParser("featurize_images", "Takes each image through a pre-trained network to a vector.")
    parser.add_argument("--images-uri", required=True)
    parser.add_argument("--features-uri", required=True)
    parser.add_argument("--rejects-uri", required=True)
    parser.add_argument("--models-uri", required=True, help="where weights are staged")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", default="imagenet", help="imagenet, an s3:// URI, a path or random:<seed>")
    parser.add_argument("--resize", default="bilinear", choices=RESIZES)
    parser.add_argument("--engine", default="openvino", choices=ENGINES)
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    parser.add_argument("--batch-size", type=int, default=4, help="images that go through the network at once")
    return parser.parse_into(FeaturizeArguments, argv)

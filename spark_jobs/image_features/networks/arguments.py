"""The arguments that say which network makes the vectors: the same in every job that has to know it."""

from dataclasses import dataclass

from image_features.job.arguments import JobArguments


@dataclass(frozen=True, kw_only=True)
class NetworkArguments(JobArguments):
    """The network's params, and where its weights lie."""

    models_uri: str
    backbone: str
    weights: str
    resize: str
    engine: str
    precision: str

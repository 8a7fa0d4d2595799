"""The network that makes the vectors: its params are one value on the whole way from the parser to the workers."""

from dataclasses import dataclass

from image_features.images.decode import Reject, Seen, see_image
from image_features.job.arguments import JobArguments
from image_features.networks.backbones import BACKBONES, Backbone
from run_contract.param_queries import param_named


@dataclass(frozen=True, kw_only=True)
class NetworkChoice:
    """The params of a network. What passes them on passes this value; only what uses one of them names it."""

    backbone: str = param_named("backbone").default
    weights: str = param_named("weights").default
    resize: str = param_named("resize").default
    engine: str = param_named("engine").default
    precision: str = param_named("precision").default

    @property
    def architecture(self) -> Backbone:
        """The backbone itself, by its name."""
        return BACKBONES[self.backbone]

    def decode(self, content: bytes) -> Seen | Reject:
        """Return the pixels that this network takes with the photograph's look, or why there are none."""
        return see_image(content, self.architecture.side_px, self.resize)


@dataclass(frozen=True, kw_only=True)
class NetworkArguments(NetworkChoice, JobArguments):
    """The network, and where its weights lie."""

    models_uri: str

"""The network that makes the vectors: its params are one value on the whole way from the parser to the workers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from image_features.errors import ParamsDisagreeError
from image_features.images.decode import Reject, Seen, see_image
from image_features.job.arguments import JobArguments
from image_features.networks.backbones import BACKBONES, Backbone
from run_contract.backbones import FLOAT32_UNTIL, why_not_together
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
        """The backbone itself, by its name; a KeyError where the network is one's own."""
        return BACKBONES[self.backbone]

    @property
    def float32_until(self) -> tuple[int, int, int]:
        """The shape of the feature map up to which precision=mixed computes in float32; a KeyError without one."""
        return FLOAT32_UNTIL[self.backbone]

    def decoder(self, side_px: int) -> Callable[[bytes], Seen | Reject]:
        """Return what makes pixels of this side of a photograph, with its look, or says why there are none."""
        return partial(see_image, side_px=side_px, resize=self.resize)


@dataclass(frozen=True, kw_only=True)
class NetworkArguments(NetworkChoice, JobArguments):
    """The network, and where its weights lie."""

    models_uri: str

    def __post_init__(self) -> None:
        super().__post_init__()
        reason = why_not_together(vars(self))
        if reason is not None:
            raise ParamsDisagreeError(reason)

"""The params of a run, in the order of the form."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from run_contract.backbones import DIMENSIONS, IMAGES_PER_VCPU_S
from run_contract.cluster_sizes import SIZES
from run_contract.labels import PARENT
from run_contract.param import Param
from run_contract.stages import FEATURIZE, INGEST, REDUCE, VALIDATE
from run_contract.weights import BY_HAND, FORM, IMAGENET

RUN_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"
RUN_LENGTH = 200
URI_PATTERN = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?"
# What vectors are known by, and so also what is fetched: both stages have to be asked for the same network.
NETWORK = (INGEST, FEATURIZE)


def _share(**form: Any) -> Param:
    return Param(kind=float, minimum=0, maximum=1, **form)


_INPUT = (
    Param(
        name="source_uri",
        title="Photographs",
        help="The prefix that holds them; where labels and splits come from, the two params of labels say. Example: s3://fruit-features/landing/fruits-360",
        stages=(INGEST,),
        pattern=URI_PATTERN,
        pattern_in_words="s3://bucket/prefix",
        variable="SOURCE",
        not_deciding="the source is compared by itself, with its photographs",
    ),
    Param(
        name="sample_limit",
        title="Sample limit",
        help="Take at most so many photographs. Empty: all of them.",
        kind=int,
        nullable=True,
        stages=(INGEST,),
        minimum=1,
        variable="SAMPLE",
    ),
    Param(
        name="label_pattern",
        title="Labels from the path",
        help="parent: the parent folder is the label. kind/variety: the folder above it is the label, and the parent "
        "folder a group, which stays in one split. With both a folder Training, Test or Validation is the split. Or a "
        "regular expression for the whole path below the source, with (?P<label>...) and, if you like, (?P<split>...) "
        "and (?P<group>...).",
        default=PARENT,
        stages=(INGEST,),
        max_length=500,
    ),
    Param(
        name="labels",
        title="Labels file",
        help="s3://bucket/key of a CSV or Parquet file with the column path, and any of label, split, group and "
        "exclude: what it says of a photograph goes before its path. Empty: there is none.",
        nullable=True,
        stages=(INGEST,),
        pattern=r"s3://[^/\s]+/[^\n]+",
        pattern_in_words="s3://bucket/key",
    ),
    _share(
        name="max_reject_share",
        title="Highest share of rejects",
        help="The run fails if a larger share of the photographs cannot be read. 0.05 is 5 %.",
        default=0.05,
        stages=(VALIDATE,),
    ),
    Param(
        name="run",
        title="Name of the run",
        help="The folder under runs/ that the run writes. Empty: made from the run id. A name used before is written "
        "over, but never what is published.",
        nullable=True,
        pattern=RUN_PATTERN,
        pattern_in_words=f"at most {RUN_LENGTH} letters, digits, dots, dashes and underscores; a letter or digit first",
        max_length=RUN_LENGTH,
        not_deciding="it says where the results go",
        not_a_setting="it names one run",
    ),
    Param(
        name="force",
        title="Run even if nothing is new",
        help="Otherwise a run of the same photographs with the same params and code ends at once, without a cluster: "
        "its result is published already.",
        kind=bool,
        default=False,
        not_deciding="it says whether anything is done",
        not_a_setting="it is asked for one run",
    ),
)
_NETWORK = (
    Param(
        name="backbone",
        title="Backbone",
        help="The network whose last layers are cut off. Length of its vectors: "
        + ", ".join(f"{name} {dimension}" for name, dimension in DIMENSIONS.items())
        + ".",
        default=next(iter(DIMENSIONS)),
        stages=NETWORK,
        choices=tuple(DIMENSIONS),
        identity=True,
    ),
    Param(
        name="weights",
        title="Weights",
        help="imagenet, s3://bucket/key of a .h5 or .keras file that fits the backbone, or random:<seed> to try "
        "things out.",
        default=IMAGENET,
        stages=NETWORK,
        pattern=FORM,
        by_hand=BY_HAND,
        pattern_in_words="imagenet, random:<seed> as in random:0, or s3://bucket/key",
        not_in_identity="their content is in it, as weights_sha256, and not how they are called",
    ),
    Param(
        name="resize",
        title="Resize",
        help="How photographs are brought to the network's size. Vectors of two kinds do not compare.",
        default="bilinear",
        stages=NETWORK,
        choices=("bilinear", "bicubic"),
        identity=True,
    ),
    Param(
        name="engine",
        title="Engine",
        help="What runs the network. openvino is faster; tensorflow is the reference.",
        default="openvino",
        stages=NETWORK,
        choices=("openvino", "tensorflow"),
        not_in_identity="the engines agree closely enough to compare; the feature store keeps them apart all the same",
        keeps_apart=True,
    ),
    Param(
        name="precision",
        title="Precision",
        help="bfloat16 is about twice as fast where the processor has it, and gives other vectors.",
        default="float32",
        stages=NETWORK,
        choices=("float32", "bfloat16"),
        identity=True,
    ),
)
_REDUCE = (
    Param(
        name="pca_components",
        title="Components",
        help="Length of a PCA vector; at most what the backbone and the number of photographs allow.",
        kind=int,
        default=200,
        nullable=True,
        stages=(REDUCE,),
        minimum=1,
        maximum=max(DIMENSIONS.values()),
        unused_with="explained_variance",
        variable="COMPONENTS",
    ),
    _share(
        name="explained_variance",
        title="Explained variance",
        help="Keep as many components as explain this share of the variance, 0.95 for example. If given, it decides "
        "and the number of components is not used.",
        nullable=True,
        stages=(REDUCE,),
        above_minimum=True,
    ),
    Param(
        name="formats",
        title="Formats",
        help="Parquet is always written; csv adds a table with columns pc_001, pc_002 and so on.",
        kind=tuple,
        default=("parquet",),
        stages=(REDUCE,),
        choices=("parquet", "csv"),
    ),
    Param(
        name="reduce",
        title="Model",
        help="refit: fit on all photographs. project: use the published model, so that PCA features stay comparable "
        "with earlier ones. auto: project, and refit when one of the two limits below is passed.",
        default="refit",
        stages=(REDUCE,),
        choices=("refit", "project", "auto"),
    ),
    _share(
        name="refit_share",
        title="Refit above this share of new photographs",
        help="For auto: of those that came after the model was fitted. 0.1 is 10 %.",
        default=0.1,
        stages=(REDUCE,),
    ),
    _share(
        name="refit_drift",
        title="Refit above this drift",
        help="For auto: the share of variance that the model keeps less of than a refit would.",
        default=0.02,
        stages=(REDUCE,),
    ),
)
_REPORT = (
    _share(
        name="duplicate_likeness",
        title="Likeness of near-duplicates",
        help="Photographs whose vectors are at least so alike are near-duplicates; 1 is the same vector. The default "
        "was measured with mobilenet_v2 and its ImageNet weights.",
        default=0.955,
        stages=(VALIDATE,),
        above_minimum=True,
    ),
)
_CLUSTER = (
    Param(
        name="cluster_size",
        title="Cluster size",
        help="; ".join(f"{name}: {size.core} core and {size.spot_task} Spot nodes" for name, size in SIZES.items())
        + ".",
        default=next(iter(SIZES)),
        choices=tuple(SIZES),
        not_deciding="it says on what machines the run is made",
        not_of_make_run="one machine has no cluster to size",
    ),
    Param(
        name="max_cost",
        title="Highest cost",
        help="Refuse the run before it has a cluster if its forecast is above so many dollars. Empty: no limit. "
        "check_run logs the forecast for each cluster size.",
        kind=float,
        nullable=True,
        minimum=0,
        not_deciding="it says whether anything is done",
        not_of_make_run="one machine costs nothing",
    ),
    Param(
        name="wanted_minutes",
        title="Wanted within minutes",
        help="People are warned by a message, once, when the run is foreseen to take longer. It ends nothing.",
        kind=int,
        nullable=True,
        minimum=1,
        maximum=10_080,
        not_deciding="it says when people are warned",
    ),
)
SECTIONS = {"Photographs": _INPUT, "Features": _NETWORK, "PCA": _REDUCE, "Report": _REPORT, "Cluster": _CLUSTER}
PARAMS = tuple(replace(param, section=section) for section, params in SECTIONS.items() for param in params)


def param_named(name: str) -> Param:
    """Return the param of this name; raises KeyError for one that there is not."""
    return {param.name: param for param in PARAMS}[name]


def params_of(stage: str) -> list[Param]:
    """Return the params that a stage's command line has."""
    return [param for param in PARAMS if stage in param.stages]


def make_run_params() -> list[Param]:
    """Return the params that `make run` offers."""
    return [param for param in PARAMS if not param.not_of_make_run]


def settable_params() -> list[Param]:
    """Return the params that a deployment may set for all its runs."""
    return [param for param in PARAMS if not param.not_a_setting]


def used(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with null for each param that another one makes useless."""
    unused = {param.name for param in PARAMS if param.unused_with and values.get(param.unused_with) is not None}
    return {name: None if name in unused else values[name] for name in values}


def of_the_vectors(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that decide which vectors a run computes of a photograph; null for what is not known."""
    return {param.name: values.get(param.name) for param in PARAMS if FEATURIZE in param.stages}


def most_images(values: Mapping[str, Any], listed: int) -> int:
    """Return how many of the photographs that are listed a run takes at most."""
    limit = values.get("sample_limit")
    return listed if limit is None else min(listed, limit)


def is_sampled(values: Mapping[str, Any]) -> bool:
    """Return whether a run of these values may leave photographs out."""
    return values.get("sample_limit") is not None


def measured_rate(values: Mapping[str, Any]) -> float:
    """Return the images a second of one vCPU that the benchmarks measured for the network of these values."""
    return IMAGES_PER_VCPU_S[values["backbone"]]


def deciding(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that decide what comes out of a run; lists are sorted, for their order means nothing."""
    found = used(values)
    names = [param.name for param in PARAMS if not param.not_deciding]
    return {name: sorted(found[name]) if isinstance(found[name], list | tuple) else found[name] for name in names}

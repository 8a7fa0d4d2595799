"""The params of a run, in the order of the form."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from run_contract.backbones import DIMENSIONS
from run_contract.cluster_sizes import SIZES
from run_contract.labels import PARENT, REFUSE, WARN
from run_contract.network_params import NETWORK
from run_contract.param import Param
from run_contract.stages import INGEST, REDUCE, VALIDATE

RUN_PATTERN, RUN_LENGTH = r"[A-Za-z0-9][A-Za-z0-9._-]*", 200
URI_PATTERN = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?"


def _share(**form: Any) -> Param:
    return Param(kind=float, minimum=0, maximum=1, **form)


_INPUT = (
    Param(
        name="source_uri",
        title="Photographs",
        help="The prefix that holds the photographs. Example: s3://fruit-features/landing/fruits-360",
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
    Param(
        name="unknown_labels",
        title="Rows of the labels file without a photograph",
        help="refuse: there is no run, for a path may be misspelt. warn: the report counts them, as in automatic runs.",
        default=REFUSE,
        stages=(INGEST,),
        choices=(REFUSE, WARN),
        not_deciding="it says whether the run is refused",
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
        help="The folder under runs/ that the run writes. Empty: made from the run id. Published runs never change.",
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
        help="Otherwise a run of the same photographs with the same params and code ends at once, without a cluster.",
        kind=bool,
        default=False,
        not_deciding="it says whether anything is done",
        not_a_setting="it is asked for one run",
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
        minimum=1,
        maximum=max(DIMENSIONS.values()),
        unused_with="explained_variance",
        variable="COMPONENTS",
    ),
    _share(
        name="explained_variance",
        title="Explained variance",
        help="Keep as many components as explain this share of the variance, such as 0.95, and not a number of them.",
        nullable=True,
        above_minimum=True,
    ),
    Param(
        name="formats",
        title="Formats",
        help="Parquet is always written; csv adds a table with columns pc_001, pc_002 and so on.",
        kind=tuple,
        default=("parquet",),
        choices=("parquet", "csv"),
    ),
    Param(
        name="reduce",
        title="Model",
        help="refit: fit on all photographs. project: use the published model, so that PCA features stay comparable "
        "with earlier ones. auto: project, and refit when one of the two limits below is passed.",
        default="refit",
        choices=("refit", "project", "auto"),
    ),
    _share(
        name="refit_share",
        title="Refit above this share of new photographs",
        help="With auto, fit again if a larger share of the photographs came after the fit. 0.1 is 10 %.",
        default=0.1,
    ),
    _share(
        name="refit_drift",
        title="Refit above this drift",
        help="With auto, fit again if the model keeps so much less variance than a fit on all would. 0.02 is 2 %.",
        default=0.02,
    ),
)
_REPORT = (
    Param(
        name="licence",
        title="Licence of the photographs",
        help="What the data card of the snapshot says of their licence, such as CC BY 4.0. Empty: not stated. Alone it "
        "is no reason for a run: use force.",
        nullable=True,
        pattern=r"[^\r\n]+",
        pattern_in_words="a text of one line",
        max_length=200,
        not_deciding="it is named in the data card alone",
    ),
    _share(
        name="duplicate_likeness",
        title="Likeness of near-duplicates",
        help="Photographs so alike are near-duplicates; 1 is the same vector. Measured with mobilenet_v2 on ImageNet.",
        default=0.955,
        stages=(VALIDATE,),
        above_minimum=True,
    ),
    Param(
        name="groups_from",
        title="Groups of another run",
        help="The URI of the groups/ of another run of the same photographs: its groups are kept together as they are, "
        "so that accuracies of two networks compare. Empty: the run's own near-duplicates. Alone it is no reason for a "
        "run: use force.",
        nullable=True,
        stages=(VALIDATE,),
        pattern=URI_PATTERN,
        pattern_in_words="s3://bucket/runs/<run>/groups",
        not_deciding="it is asked for one run, to compare it with another",
        not_a_setting="it is asked for one run",
    ),
)
_CLUSTER = (
    Param(
        name="cluster_size",
        title="Cluster size",
        help="; ".join(f"{name}: {size}" for name, size in SIZES.items()),
        default=next(iter(SIZES)),
        choices=tuple(SIZES),
        not_deciding="it says on what machines the run is made",
        not_of_make_run="one machine has no cluster to size",
    ),
    Param(
        name="max_cost",
        title="Highest cost",
        help="Refuse the run before it has a cluster if its forecast is above so many dollars. Empty: no limit.",
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
_PCA = tuple(replace(param, stages=(REDUCE,)) for param in _REDUCE)
SECTIONS = {"Photographs": _INPUT, "Features": NETWORK, "PCA": _PCA, "Report": _REPORT, "Cluster": _CLUSTER}
PARAMS = tuple(replace(param, section=section) for section, params in SECTIONS.items() for param in params)


def most_images(values: Mapping[str, Any], listed: float) -> float:
    """Return how many of the photographs that are listed a run takes at most."""
    return min(listed, values.get("sample_limit") or listed)

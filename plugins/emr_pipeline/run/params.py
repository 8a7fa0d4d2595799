"""The run's params: what the trigger form shows, checks and explains."""

from airflow.sdk import Param

from emr_pipeline.run.cluster_sizes import SIZES
from emr_pipeline.run.layout import RUN_LENGTH, RUN_PATTERN
from emr_pipeline.run.param_checks import BACKBONE_DIMENSIONS, REDUCE_ACTIONS, SOURCE_URI_PATTERN, WEIGHTS_PATTERN
from emr_pipeline.settings import Settings


def run_params(settings: Settings) -> dict[str, Param]:
    """The form, section by section."""
    network = _network_params() | _vector_params()
    return _input_params(settings) | _run_params() | network | _pca_params() | _refit_params() | _cluster_params()


def _input_params(settings: Settings) -> dict[str, Param]:
    return {
        "source_uri": Param(
            settings.source_uri,
            type="string",
            pattern=SOURCE_URI_PATTERN,
            title="Photographs",
            description="The prefix that holds them: one folder a label, at any depth; a folder Training, Test or "
            "Validation on the way is the split. Example: s3://fruit-features/landing/fruits-360",
            section="Photographs",
        ),
        "sample_limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Sample limit",
            description="Take at most so many photographs. Empty: all of them.",
            section="Photographs",
        ),
        "max_reject_share": Param(
            0.05,
            type="number",
            minimum=0,
            maximum=1,
            title="Highest share of rejects",
            description="The run fails if a larger share of the photographs cannot be read. 0.05 is 5 %.",
            section="Photographs",
        ),
    }


def _run_params() -> dict[str, Param]:
    return {
        "run": Param(
            None,
            type=["null", "string"],
            pattern=RUN_PATTERN,
            maxLength=RUN_LENGTH,
            title="Name of the run",
            description="The folder under runs/ that the run writes. Empty: made from the run id. A name used before "
            "is written over, but never what is published.",
            section="Photographs",
        ),
        "force": Param(
            False,
            type="boolean",
            title="Run even if nothing is new",
            description="Otherwise a run of the same photographs with the same params and code ends at once, without "
            "a cluster: its result is published already.",
            section="Photographs",
        ),
    }


def _network_params() -> dict[str, Param]:
    return {
        "backbone": Param(
            "mobilenet_v2",
            type="string",
            enum=list(BACKBONE_DIMENSIONS),
            title="Backbone",
            description="The network whose last layers are cut off. Vectors have 1280 (mobilenet_v2), 2048 (resnet50) "
            "or 512 (vgg16, vgg16_fc512) numbers.",
            section="Features",
        ),
        "weights": Param(
            "imagenet",
            type="string",
            pattern=WEIGHTS_PATTERN,
            title="Weights",
            description="imagenet, s3://bucket/key of a .h5 or .keras file that fits the backbone, or random:<seed> "
            "to try things out.",
            section="Features",
        ),
    }


def _vector_params() -> dict[str, Param]:
    return {
        "resize": Param(
            "bilinear",
            type="string",
            enum=["bilinear", "bicubic"],
            title="Resize",
            description="How photographs are brought to the network's size. Vectors of two kinds do not compare.",
            section="Features",
        ),
        "engine": Param(
            "openvino",
            type="string",
            enum=["openvino", "tensorflow"],
            title="Engine",
            description="What runs the network. openvino is faster; tensorflow is the reference.",
            section="Features",
        ),
        "precision": Param(
            "float32",
            type="string",
            enum=["float32", "bfloat16"],
            title="Precision",
            description="bfloat16 is about twice as fast where the processor has it, and gives other vectors.",
            section="Features",
        ),
    }


def _pca_params() -> dict[str, Param]:
    return {
        "pca_components": Param(
            200,
            type=["null", "integer"],
            minimum=1,
            maximum=max(BACKBONE_DIMENSIONS.values()),
            title="Components",
            description="Length of a PCA vector; at most what the backbone and the number of photographs allow.",
            section="PCA",
        ),
        "explained_variance": Param(
            None,
            type=["null", "number"],
            exclusiveMinimum=0,
            maximum=1,
            title="Explained variance",
            description="Keep as many components as explain this share of the variance, 0.95 for example. "
            "If given, it decides and the number of components is not used.",
            section="PCA",
        ),
        "formats": Param(
            ["parquet"],
            type="array",
            items={"type": "string", "enum": ["parquet", "csv"]},
            examples=["parquet", "csv"],
            uniqueItems=True,
            contains={"const": "parquet"},
            title="Formats",
            description="Parquet is always written; csv adds a table with columns pc_001, pc_002 and so on.",
            section="PCA",
        ),
    }


def _refit_params() -> dict[str, Param]:
    return {
        "reduce": Param(
            "refit",
            type="string",
            enum=list(REDUCE_ACTIONS),
            title="Model",
            description="refit: fit on all photographs. project: use the published model, so that PCA features stay "
            "comparable with earlier ones. auto: project, and refit when one of the two limits below is passed.",
            section="PCA",
        ),
        "refit_share": Param(
            0.1,
            type="number",
            minimum=0,
            maximum=1,
            title="Refit above this share of new photographs",
            description="For auto: of those that came after the model was fitted. 0.1 is 10 %.",
            section="PCA",
        ),
        "refit_drift": Param(
            0.02,
            type="number",
            minimum=0,
            maximum=1,
            title="Refit above this drift",
            description="For auto: the share of variance that the model keeps less of than a refit would.",
            section="PCA",
        ),
    }


def _cluster_params() -> dict[str, Param]:
    nodes = "; ".join(f"{name}: {size.core} core and {size.spot_task} Spot nodes" for name, size in SIZES.items())
    return {
        "cluster_size": Param(
            "small",
            type="string",
            enum=list(SIZES),
            title="Cluster size",
            description=f"{nodes}.",
            section="Cluster",
        ),
    }

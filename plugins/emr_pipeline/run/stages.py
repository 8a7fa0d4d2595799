"""The stages as data, and the EMR step that is built from one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emr_pipeline.run.layout import RunLayout

# What makes a vector, and so also what is known of it before: the weights' content and all that is done to a picture.
NETWORK_PARAMS = ("backbone", "weights", "resize", "engine", "precision")


@dataclass(frozen=True)
class Stage:
    """One Spark job: what its command line needs, by name.

    `folders` become `--<folder>-uri` of the run; `others` do too, of what is no folder of this run alone; `params`
    become `--<param>` and are left out when they are null.
    """

    name: str
    folders: tuple[str, ...]
    params: tuple[str, ...]
    others: tuple[str, ...] = ()


STAGES = (
    Stage(
        "ingest_images",
        folders=("manifest", "images", "rejects"),
        others=("inventory", "feature_store", "models"),
        params=("source_uri", "sample_limit", *NETWORK_PARAMS),
    ),
    Stage(
        "featurize_images",
        folders=("manifest", "images", "features", "rejects"),
        others=("feature_store", "models"),
        params=NETWORK_PARAMS,
    ),
    Stage(
        "reduce_features",
        folders=("features", "model", "pca_features", "pca_features_csv"),
        others=("stats_prefix", "published"),
        params=("pca_components", "explained_variance", "formats", "reduce", "refit_share", "refit_drift"),
    ),
    Stage(
        "validate_run",
        folders=("manifest", "rejects", "features", "model", "pca_features", "report"),
        others=("stats_prefix", "published"),
        params=("max_reject_share",),
    ),
)


def step_name(stage: Stage, layout: RunLayout) -> str:
    """How a stage's step is called on its cluster, and found again after a retry."""
    return f"{stage.name} {layout.run}"


def step(stage: Stage, layout: RunLayout, params: Mapping[str, Any], code_uri: str) -> dict[str, Any]:
    """The EMR step of a stage. A failed step leaves the cluster up: the teardown ends it, once the logs are read."""
    return {
        "Name": step_name(stage, layout),
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {
            "Jar": "command-runner.jar",
            "Args": [
                "spark-submit",
                "--deploy-mode",
                "client",
                "--py-files",
                f"{code_uri}/image_features.zip",
                f"{code_uri}/{stage.name}.py",
                *stage_arguments(stage, layout, params),
            ],
        },
    }


def stage_arguments(stage: Stage, layout: RunLayout, params: Mapping[str, Any]) -> list[str]:
    """The job's own command line, as docs/architecture.md lists it."""
    options: dict[str, Any] = {f"{folder}_uri": layout.uri(folder) for folder in stage.folders}
    options |= {f"{name}_uri": getattr(layout, f"{name}_uri") for name in stage.others}
    options |= {name: params[name] for name in stage.params}
    if options.get("explained_variance") is not None:
        options["pca_components"] = None
    options["stats_uri"] = layout.stats_uri(stage.name)
    options["progress_uri"] = layout.progress_uri(stage.name)
    given = {name: value for name, value in options.items() if value is not None}
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", _as_argument(value))]


def _as_argument(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(value)
    # The URIs of folders end without a slash; users often type one.
    return str(value).rstrip("/") if str(value).startswith("s3://") else str(value)

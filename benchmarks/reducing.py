"""The two ways to fit a PCA and project on it that are measured against one another, each as an EMR step."""

from collections.abc import Mapping
from typing import Any

from benchmarks.cluster import command_step
from benchmarks.materials import JOBS_PATH, layout
from emr_pipeline.run.stages import STAGES, step

COMPONENTS = 200
SPARK_ML = "Spark ML"
OURS = "reduce_features"
REFIT = {"reduce": "refit", "refit_share": 0.1, "refit_drift": 0.02}
"""Without a published run before it: the full pass."""


def steps(run: str, code_uri: str) -> dict[str, Mapping[str, Any]]:
    """By the name under which each is reported; both read the features/ of `run`."""
    uris = layout(run)
    spark_ml = ["spark-submit", str(JOBS_PATH / "spark_ml_pca.py"), "--features", uris.uri("features")]
    spark_ml += ["--model", f"{uris.run_uri}-spark-ml/model", "--pca-features", f"{uris.run_uri}-spark-ml/pca_features"]
    stage = next(one for one in STAGES if one.name == "reduce_features")
    params = {"pca_components": COMPONENTS, "explained_variance": None, "formats": ["parquet"], **REFIT}
    return {
        SPARK_ML: command_step(SPARK_ML, [*spark_ml, "--components", str(COMPONENTS)]),
        OURS: step(stage, uris, params, code_uri),
    }

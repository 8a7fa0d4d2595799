"""What the form gives a task: each param once, for every test that needs them."""

from typing import Any

PARAMS: dict[str, Any] = {
    "source_uri": "s3://pictures/landing",
    "run": "r",
    "backbone": "mobilenet_v2",
    "weights": "imagenet",
    "resize": "bilinear",
    "engine": "openvino",
    "precision": "float32",
    "pca_components": 200,
    "explained_variance": None,
    "formats": ["parquet"],
    "sample_limit": None,
    "max_reject_share": 0.05,
    "reduce": "refit",
    "refit_share": 0.1,
    "refit_drift": 0.02,
    "force": False,
    "cluster_size": "small",
}

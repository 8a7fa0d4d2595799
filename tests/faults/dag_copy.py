"""The DAG `fruit_features` under a name and a deployment of a row's own, so that many share one Airflow."""

from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
DAG_PATH = REPOSITORY / "dags" / "fruit_features.py"
NAME = 'dag_id="fruit_features"'
# What Airflow reads. The environment is the row's in every process that parses the file, a task's included.
FILE = '''"""A DAG of Airflow for one row of the faults."""

import os

os.environ.update({environment!r})

from tests.faults.dag_copy import define

define({dag_id!r}, globals())
'''


def file_text(dag_id: str, environment: dict[str, str]) -> str:
    return FILE.format(dag_id=dag_id, environment=environment)


def images_asset_name(dag_id: str) -> str:
    return f"{dag_id}_images"


def define(dag_id: str, namespace: dict[str, Any]) -> None:
    """Run the DAG's own file with another dag_id, and its assets with other names: one Airflow knows each once."""
    from airflow.sdk import Asset

    from emr_pipeline.landing import assets
    from emr_pipeline.operators import publish
    from emr_pipeline.run.layout import published_uri

    def published_asset(settings: Any) -> Asset:
        return Asset(name=dag_id, uri=published_uri(settings.bucket))

    def fruit_images_asset(settings: Any) -> Asset:
        return Asset(name=images_asset_name(dag_id), uri=settings.source_uri)

    publish.published_asset = published_asset
    assets.fruit_images_asset = fruit_images_asset
    source = DAG_PATH.read_text(encoding="utf-8")
    assert source.count(NAME) == 1, f"{DAG_PATH} does not say {NAME} once"
    exec(compile(source.replace(NAME, f'dag_id="{dag_id}"'), namespace["__file__"], "exec"), namespace)

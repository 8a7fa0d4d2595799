"""An EMR in this very process, quick and with short waits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local_aws import emr
from local_aws.config import EndpointConfig
from local_aws.signature import AccessKey
from tests.local_aws.conftest import free_port
from tests.local_aws.emr.harness import LocalEmr


@pytest.fixture(scope="session")
def emr_config(tmp_path_factory: pytest.TempPathFactory, spark_env: Path) -> Iterator[EndpointConfig]:
    """The folder's name has a space: paths must survive that."""
    folder = tmp_path_factory.mktemp("emr in process")
    port = free_port()
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    (folder / "s3" / "logs").mkdir(parents=True)
    config = EndpointConfig(
        root=folder / "s3",
        work=folder / "work",
        spark_env=spark_env,
        host="127.0.0.1",
        port=port,
        cores=2,
        driver_memory="1g",
        key=AccessKey("testing", "testing"),
        transition_s=0.01,
        interrupt_grace_s=1.0,
    )
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    emr.install(config)
    server.start()
    yield config
    emr.shutdown()
    server.stop()


@pytest.fixture
def local_emr(emr_config: EndpointConfig) -> Iterator[LocalEmr]:
    client = boto3.client(
        "emr",
        endpoint_url=emr_config.url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    local = LocalEmr(client, emr_config.root, emr_config.work)
    yield local
    for cluster in client.list_clusters(ClusterStates=["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"])["Clusters"]:
        client.set_termination_protection(JobFlowIds=[cluster["Id"]], TerminationProtected=False)
        client.terminate_job_flows(JobFlowIds=[cluster["Id"]])

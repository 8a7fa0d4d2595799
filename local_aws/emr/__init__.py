"""EMR on one machine: clusters with EMR's states, whose bootstrap actions and steps are real processes."""

from moto.emr.models import emr_backends

from local_aws.config import EndpointConfig
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.cluster.lost_clusters import read_clusters


def install(config: EndpointConfig) -> None:
    """Put this EMR in the place of moto's. It has to be done before the first request: moto keeps its backends."""
    LocalEmrBackend.config, LocalEmrBackend.earlier = config, read_clusters(config.work)
    emr_backends.clear()
    emr_backends.backend = LocalEmrBackend


def shutdown() -> None:
    """End every cluster, its threads and every process that was started for it."""
    for _, _, backend in emr_backends.iter_backends():
        if isinstance(backend, LocalEmrBackend):
            backend.shut_down()

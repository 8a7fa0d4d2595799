"""Clusters of one account in one region, instead of moto's own, which records steps and never runs one.

The module has the name that moto expects: moto looks for `urls` next to the module of a backend.
"""

from collections.abc import Sequence

from moto.emr.exceptions import InvalidCluster, ValidationException
from moto.emr.models import ElasticMapReduceBackend

from local_aws.config import EndpointConfig
from local_aws.emr.cluster.cluster import Cluster
from local_aws.emr.cluster.lifecycle import Lifecycle
from local_aws.emr.state.records import ClusterRecord

_SHUTDOWN_WAIT_S = 15.0


class LocalEmrBackend(ElasticMapReduceBackend):
    """The backend of EMR. Security configurations, release labels and public access settings stay moto's."""

    config: EndpointConfig
    earlier: Sequence[ClusterRecord]
    """The clusters that an earlier endpoint left. `install` sets both before the first request makes a backend."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._lifecycles: list[Lifecycle] = []
        self.clusters: dict[str, Cluster] = {  # type: ignore[assignment]
            record.id: Cluster(record, self.config)
            for record in self.earlier
            if (record.region, record.account) == (region_name, account_id)
        }

    def shut_down(self) -> None:
        """End every cluster and all that runs for it."""
        for cluster in self.clusters.values():
            cluster.end("TERMINATED_WITH_ERRORS", "INTERNAL_ERROR", "The local endpoint was stopped")
            cluster.kill_processes()
        for lifecycle in self._lifecycles:
            lifecycle.join(_SHUTDOWN_WAIT_S)

    def cluster(self, cluster_id: str) -> Cluster:
        if cluster_id not in self.clusters:
            raise InvalidCluster(cluster_id)
        return self.clusters[cluster_id]

    def job_flow(self, job_flow_id: str) -> Cluster:
        """Return a cluster for the older half of the API, which answers with another error."""
        if job_flow_id not in self.clusters:
            raise ValidationException("Specified job flow ID does not exist.")
        return self.clusters[job_flow_id]

    def start(self, record: ClusterRecord) -> None:
        """Begin the life of a new cluster."""
        cluster = Cluster(record, self.config)
        with cluster.change():
            self.clusters[cluster.id] = cluster
        lifecycle = Lifecycle(cluster)
        self._lifecycles.append(lifecycle)
        lifecycle.start()

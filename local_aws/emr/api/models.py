"""Clusters of one account in one region, instead of moto's own, which records steps and never runs one.

The module has the name that moto expects: moto looks for `urls` next to the module of a backend.
"""

from __future__ import annotations

from collections.abc import Sequence

from moto.emr.models import ElasticMapReduceBackend

from local_aws.emr.cluster.cluster import USER_REQUEST, Cluster, Ending
from local_aws.emr.cluster.cluster_store import ClusterStore
from local_aws.emr.cluster.lifecycle import Lifecycle
from local_aws.emr.config import LocalEmrConfig
from local_aws.emr.errors import NoSuchClusterError, NoSuchJobFlowError, TerminationProtectedError
from local_aws.emr.state.instances import make_collections
from local_aws.emr.state.limits import check_job_flow
from local_aws.emr.state.records import (
    TERMINATED_WITH_ERRORS,
    ClusterRecord,
    JsonObject,
    StateChangeReason,
    StepRecord,
    make_id,
    now,
)

_SHUTDOWN = Ending(TERMINATED_WITH_ERRORS, "INTERNAL_ERROR", "The local endpoint was stopped")
_SHUTDOWN_WAIT_S = 15.0


class LocalEmrBackend(ElasticMapReduceBackend):
    """The backend of EMR. Security configurations, release labels and public access settings stay moto's."""

    config: LocalEmrConfig
    """Set once before the first request: moto makes a backend when a region is first used."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._store = ClusterStore(self.config.work_root)
        self._lifecycles: list[Lifecycle] = []
        self.clusters: dict[str, Cluster] = {  # type: ignore[assignment]
            record.id: Cluster(record, self.config, self._store)
            for record in self._store.load()
            if (record.region, record.account) == (region_name, account_id)
        }

    def reset(self) -> None:
        self.shut_down()
        super().reset()

    def shut_down(self) -> None:
        """End every cluster and all that runs for it."""
        for cluster in self.clusters.values():
            cluster.end(_SHUTDOWN)
            cluster.kill_processes()
        for lifecycle in self._lifecycles:
            lifecycle.join(_SHUTDOWN_WAIT_S)

    def cluster(self, cluster_id: str) -> Cluster:
        if cluster_id not in self.clusters:
            raise NoSuchClusterError(cluster_id)
        return self.clusters[cluster_id]

    def job_flow(self, job_flow_id: str) -> Cluster:
        """Return a cluster for the older half of the API, which answers with another error."""
        if job_flow_id not in self.clusters:
            raise NoSuchJobFlowError
        return self.clusters[job_flow_id]

    def start_job_flow(self, request: JsonObject) -> Cluster:
        check_job_flow(request)
        instances = request["Instances"]
        collection_type, collections = make_collections(instances)
        created_at = now()
        record = ClusterRecord(
            id=make_id("j-"),
            account=self.account_id,
            region=self.region_name,
            request=request,
            created_at=created_at,
            keep_alive=instances.get("KeepJobFlowAliveWhenNoSteps", False),
            termination_protected=instances.get("TerminationProtected", False),
            unhealthy_node_replacement=instances.get("UnhealthyNodeReplacement", False),
            step_concurrency_level=request.get("StepConcurrencyLevel", 1),
            tags={tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])},
            instance_collection_type=collection_type,
            instance_collections=collections,
            visible_to_all_users=request.get("VisibleToAllUsers", True),
            auto_termination_policy=request.get("AutoTerminationPolicy"),
            managed_scaling_policy=request.get("ManagedScalingPolicy"),
            reason=StateChangeReason(message="Configuring cluster software"),
            steps=[StepRecord(make_id("s-"), dict(step), created_at=created_at) for step in request.get("Steps", [])],
        )
        cluster = Cluster(record, self.config, self._store)
        with cluster.change():
            self.clusters[cluster.id] = cluster
        lifecycle = Lifecycle(cluster)
        self._lifecycles.append(lifecycle)
        lifecycle.start()
        return cluster

    def clusters_in(
        self, states: Sequence[str], created_after: float | None, created_before: float | None
    ) -> list[Cluster]:
        """List clusters, the newest first."""
        found = [
            cluster
            for cluster in self.clusters.values()
            if (not states or cluster.record.state in states)
            and (created_after is None or cluster.record.created_at > created_after)
            and (created_before is None or cluster.record.created_at < created_before)
        ]
        return sorted(found, key=lambda cluster: cluster.record.created_at, reverse=True)

    def end_job_flows(self, job_flow_ids: Sequence[str]) -> None:
        """End the clusters that are not protected, and then raise TerminationProtectedError if one was."""
        clusters = [self.job_flow(job_flow_id) for job_flow_id in job_flow_ids]
        protected = [c for c in clusters if c.record.termination_protected and not c.record.is_ending]
        for cluster in clusters:
            if cluster not in protected:
                cluster.end(USER_REQUEST)
        if protected:
            raise TerminationProtectedError

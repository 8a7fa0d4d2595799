"""Ends the run's cluster and stays until it is gone."""

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.emr import EmrTerminateJobFlowOperator

from emr_pipeline import clusters
from emr_pipeline.cluster_states import ENDED_STATES, LOST_STATES, reason_text, state_of
from emr_pipeline.compat import AirflowFailException
from emr_pipeline.operators.cluster_wait import wait_for_cluster
from emr_pipeline.progress import duration_text
from emr_pipeline.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class TerminateClusterOperator(EmrTerminateJobFlowOperator):
    """The teardown of the cluster: done when the cluster is gone, however it went; failed, loudly, if it is not."""

    def __init__(self, *, settings: Settings, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(deferrable=deferrable, **kwargs)
        self.settings = settings

    def execute(self, context: "Context") -> None:
        if not self.job_flow_id:
            self.log.info("This run made no cluster: nothing to terminate")
            return
        clusters.persist_links(context, self, self.job_flow_id)
        cluster = clusters.describe(self.hook.conn, self.job_flow_id)
        # EMR says yes to ending a protected cluster on some paths, and leaves it running.
        if cluster.get("TerminationProtected") and state_of(cluster) not in LOST_STATES:
            raise AirflowFailException(
                f"cluster {self.job_flow_id} is protected from termination and goes on costing money: turn the "
                "protection off (aws emr modify-cluster-attributes --no-termination-protected --cluster-id "
                f"{self.job_flow_id}), then clear this task"
            )
        clusters.terminate(self.hook.conn, self.job_flow_id)
        wait_for_cluster(self, self.job_flow_id, until_gone=True)
        self._check(self.job_flow_id)

    def execute_complete(self, context: "Context", event: dict[str, Any] | None = None) -> None:
        self._check(str((event or {})["cluster_id"]))

    def _check(self, cluster_id: str) -> None:
        cluster = clusters.describe(self.hook.conn, cluster_id)
        state = state_of(cluster)
        if state not in ENDED_STATES:
            raise AirflowFailException(
                f"cluster {cluster_id} is still {state} after {duration_text(self.settings.cluster_time_limit_s)} and "
                "may go on costing money: look at it in the EMR console, end it there, then clear this task"
            )
        self.log.info("Cluster %s is gone: %s (%s)", cluster_id, state, reason_text(cluster))

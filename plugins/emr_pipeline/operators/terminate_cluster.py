"""Operator that ends the run's cluster and waits until it is gone."""

from typing import Any

from airflow.providers.amazon.aws.operators.emr import EmrTerminateJobFlowOperator
from airflow.sdk import Context
from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.cluster_costs import cost_text, record
from emr_pipeline.emr.cluster_states import ENDED_STATES, is_protected, protection_text, reason_text, state_of
from emr_pipeline.emr.wait_messages import duration_text
from emr_pipeline.s3.objects import OvertakenError
from emr_pipeline.settings import Settings
from emr_pipeline.task.airflow_compat import AirflowFailException
from emr_pipeline.task.dag_run import own_clusters, run_costs, run_id, run_layout, s3_client
from emr_pipeline.task.deferral import own_event, wait_for_cluster
from emr_pipeline.task.links import persist_cluster_links


class TerminateClusterOperator(EmrTerminateJobFlowOperator):
    """Teardown of the cluster: a success when the cluster is gone, however it ended, and a failure if it is not.

    It ends every cluster that carries the run's tags, even if `create_cluster` left no id of it: that of an earlier
    attempt, or of a task that somebody marked successful while it ran.
    """

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(deferrable=True, **kwargs)
        self.settings = settings

    def execute(self, context: Context) -> None:
        cluster_ids = self._own_clusters(context)
        if not cluster_ids:
            self.log.info("This run made no cluster: nothing to terminate")
            return
        first, *others = cluster_ids
        persist_cluster_links(context, self, first)
        for cluster_id in others:
            self.log.warning("Cluster %s carries the tags of this run, too: terminating it", cluster_id)
            cluster_api.terminate(self.hook.conn, cluster_id)
        if is_protected(cluster_api.describe(self.hook.conn, first)):
            raise AirflowFailException(f"{protection_text(first)}, then clear this task")
        cluster_api.terminate(self.hook.conn, first)
        wait_for_cluster(context, self, first, until_gone=True)
        self._finish(context, first)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> None:
        own = own_event(context, self, event)
        if own is None:
            self.execute(context)
            return
        cluster_id = str(own["cluster_id"])
        wait_for_cluster(context, self, cluster_id, until_gone=True, started_at=own["started_at"])
        self._finish(context, cluster_id)

    def _own_clusters(self, context: Context) -> list[str]:
        """Return first the cluster that `create_cluster` named, alive or not, then live ones that it did not name."""
        named = [str(self.job_flow_id)] if self.job_flow_id else []
        return named + [cluster_id for cluster_id in own_clusters(context, self) if cluster_id not in named]

    def _finish(self, context: Context, cluster_id: str) -> None:
        self._check(cluster_id)
        self._record_cost(context)
        ended = self._ended_by_a_person(context)
        if ended:
            raise AirflowFailException(
                f"this run was marked failed while {', '.join(ended)} ran; its cluster {cluster_id} is gone, and "
                "nothing was published. This task fails so that the run stays failed; clear what failed to go on"
            )

    def _record_cost(self, context: Context) -> None:
        """Write what the run cost; a run whose cluster is gone does not fail because that cannot be known."""
        layout = run_layout(context, self.settings)
        try:
            costs = run_costs(context, self, self.hook.conn)
            if costs:
                record(s3_client(self), layout, costs)
                self.log.info("This run cost about %s", cost_text(costs))
        except (BotoCoreError, ClientError, OvertakenError) as error:
            self.log.warning("What this run cost is not recorded in %s: %s", layout.uri("cost"), error)

    def _ended_by_a_person(self, context: Context) -> list[str]:
        """Return the tasks that ran when somebody marked the run failed; nothing if nobody did.

        In that case Airflow skips the tasks that were to come, instead of failing them, and lets the teardown run. If
        the teardown succeeded, all leaves of the run would be successes, and Airflow would call the run a success.
        """
        ti: Any = context["ti"]
        run = run_id(context)
        states = ti.get_task_states(dag_id=context["dag"].dag_id, run_ids=[run]).get(run, {})
        skipped = [task_id for task_id, state in states.items() if state == "skipped"]
        if "upstream_failed" in states.values() or all(context["dag"].get_task(name).is_teardown for name in skipped):
            return []
        return sorted(task_id for task_id, state in states.items() if state == "failed")

    def _check(self, cluster_id: str) -> None:
        cluster = cluster_api.describe(self.hook.conn, cluster_id)
        state = state_of(cluster)
        if state not in ENDED_STATES:
            raise AirflowFailException(
                f"cluster {cluster_id} is still {state} after {duration_text(self.settings.cluster_time_limit_s)} and "
                "may go on costing money: look at it in the EMR console, end it there, then clear this task"
            )
        self.log.info("Cluster %s is gone: %s (%s)", cluster_id, state, reason_text(cluster))

"""Operator that makes the run's cluster, exactly one, and waits until it takes steps."""

from typing import Any

from airflow.exceptions import AirflowException
from airflow.providers.amazon.aws.operators.emr import EmrCreateJobFlowOperator
from airflow.sdk import Context
from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.cluster_states import LOST_STATES, USABLE_STATES, is_transient, reason_text, state_of
from emr_pipeline.emr.idempotent_requests import make_once
from emr_pipeline.emr.job_flow import ClusterChoice, job_flow, task_fleet
from emr_pipeline.emr.step_logs import logs_uri_of, wait_for_bootstrap_tail
from emr_pipeline.emr.wait_messages import duration_text
from emr_pipeline.run.code_bundle import bootstrap_scripts
from emr_pipeline.s3.objects import etags_under
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.airflow_compat import AirflowFailException, TaskDeferralError
from emr_pipeline.task.dag_run import emr_hook_without_retries, own_clusters, own_tags, run_layout, s3_client
from emr_pipeline.task.deferral import own_event, wait_for_cluster
from emr_pipeline.task.links import persist_cluster_links
from emr_pipeline.task.refusal import refused_for_good
from emr_pipeline.task.run_params import params_of_run


class CreateClusterOperator(EmrCreateJobFlowOperator):
    """Operator that adopts the live cluster with this DAG run's tags, or makes one; it returns the id once usable.

    RunJobFlow has no client token: an attempt that died after its call left a cluster behind, which the tags find. A
    failed create has no teardown (Airflow runs that only after a create that worked). So this operator ends the cluster
    itself, whatever goes wrong while it waits. A run that is published gets no cluster: nothing of it may be rewritten.
    """

    template_fields = (*EmrCreateJobFlowOperator.template_fields, "code_uri")

    def __init__(self, *, settings: Settings, code_uri: str, **kwargs: Any) -> None:
        # emr_default, if somebody made that connection, would mix instances of its own into the request.
        super().__init__(emr_conn_id=None, deferrable=True, **kwargs)
        self.settings, self.code_uri = settings, code_uri
        self._job_flow_id: str | None = None
        self._is_killed = False

    @refused_for_good()
    def execute(self, context: Context) -> str:
        Published(s3_client(self), self.settings.bucket).refuse_rewrite(run_layout(context, self.settings))
        own = own_clusters(context, self)
        if own:
            self.log.info("Adopting cluster %s, which carries the tags of this run", own[0])
        else:
            own = [self._make(context)]
        self._job_flow_id, *twins = own
        for twin in twins:
            self._end(twin)
        if self._is_killed:
            # The kill came while the request was under way, and knew no cluster to end.
            self._end(self._job_flow_id)
            raise AirflowFailException(f"this task was ended while it made cluster {self._job_flow_id}")
        return self._when_usable(context, self._job_flow_id)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        own = own_event(context, self, event)
        if own is None:
            return self.execute(context)
        self._job_flow_id = cluster_id = str(own["cluster_id"])
        return self._when_usable(context, cluster_id, started_at=own["started_at"])

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralError:
            # The trigger died, or no triggerer ran it in time; what it knew is lost.
            self._end_own(context)
            raise

    def on_kill(self) -> None:
        self._is_killed = True
        if self._job_flow_id:
            self._end(self._job_flow_id)

    def _make(self, context: Context) -> str:
        layout = run_layout(context, self.settings)
        scripts = bootstrap_scripts(etags_under(s3_client(self), f"{self.code_uri}/bootstrap"))
        tags = own_tags(context, self.settings)
        emr = emr_hook_without_retries(self)
        request = job_flow(self.settings, layout, tags, self.code_uri, scripts, self._choice(context))
        try:
            cluster_id = make_once(
                make=lambda: str(emr.create_job_flow(request)["JobFlowId"]),
                find=lambda: next(iter(own_clusters(context, self)), None),
            )
        except (BotoCoreError, ClientError):
            self._end_own(context)
            raise
        self.log.info("Made cluster %s", cluster_id)
        return cluster_id

    def _choice(self, context: Context) -> ClusterChoice:
        return ClusterChoice.of(params_of_run(context), self.hook.conn_region_name)

    def _when_usable(self, context: Context, cluster_id: str, started_at: float | None = None) -> str:
        try:
            persist_cluster_links(context, self, cluster_id)
            wait_for_cluster(context, self, cluster_id, until_gone=False, started_at=started_at)
            self._check(cluster_api.describe(self.hook.conn, cluster_id))
            choice = self._choice(context)
            if choice.size.spot_task:
                cluster_api.add_task_fleet(self.hook.conn, cluster_id, task_fleet(choice))
        except Exception:
            self._end(cluster_id)
            raise
        return cluster_id

    def _check(self, cluster: dict[str, Any]) -> None:
        state, cluster_id = state_of(cluster), cluster["Id"]
        if state in USABLE_STATES:
            self.log.info("Cluster %s is %s", cluster_id, state)
            return
        if state in LOST_STATES:
            error = AirflowException if is_transient(cluster) else AirflowFailException
            raise error(self._why_it_ended(cluster))
        raise AirflowFailException(
            f"cluster {cluster_id} is still {state} after {duration_text(self.settings.cluster_time_limit_s)} "
            "(FRUIT_FEATURES_CLUSTER_TIME_LIMIT_S); it is being terminated. Its subnet may lack addresses or a way to "
            f"EMR: see {reason_text(cluster)}"
        )

    def _why_it_ended(self, cluster: dict[str, Any]) -> str:
        message = f"cluster {cluster['Id']} ended before it took a step: {reason_text(cluster)}"
        if "LogUri" not in cluster:
            return message
        message += f"\nlogs: {logs_uri_of(cluster['LogUri'], cluster['Id'], 'node')}"
        if cluster["Status"].get("StateChangeReason", {}).get("Code") != "BOOTSTRAP_FAILURE":
            return message
        wait_s, poll_s = self.settings.log_wait_s, self.settings.poll_s
        tail = wait_for_bootstrap_tail(s3_client(self), cluster["LogUri"], cluster["Id"], wait_s, poll_s)
        return f"{message}\nthe bootstrap action's stderr ends:\n{tail}" if tail else message

    def _end_own(self, context: Context) -> None:
        for cluster_id in own_clusters(context, self):
            self._end(cluster_id)

    def _end(self, cluster_id: str) -> None:
        self.log.info("Terminating cluster %s: this run will not use it", cluster_id)
        cluster_api.terminate(self.hook.conn, cluster_id)

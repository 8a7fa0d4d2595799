"""Operator that ends the clusters of this deployment whose DAG run is over, in case Airflow died during a run."""

from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.sdk import Context

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.cluster_states import is_protected, protection_text
from emr_pipeline.emr.job_flow import DAG_TAG, RUN_TAG, deployment_tags, name_prefix
from emr_pipeline.emr.wait_messages import duration_text
from emr_pipeline.run.message import Message
from emr_pipeline.settings import Settings
from emr_pipeline.task.airflow_compat import AirflowFailException
from emr_pipeline.task.deferral import own_event, pause
from emr_pipeline.task.messages import tell

UNFINISHED_RUN_STATES = ["queued", "running"]


class EndOrphanedClustersOperator(AwsBaseOperator[EmrHook]):
    """Operator that looks twice, a grace time apart, and ends what was orphaned both times; it returns their ids.

    A run that was just marked failed still ends its cluster by itself, and one that was just cleared needs it again.
    """

    aws_hook_class = EmrHook

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: Context) -> list[str]:
        suspects = self._orphans(context)
        if not suspects:
            self.log.info("Every live cluster of this deployment belongs to a run that goes on")
            return []
        grace_s = self.settings.reaper_grace_s
        for cluster, run in suspects:
            self.log.info("%s of %s: looking again in %s", cluster["Id"], run, duration_text(grace_s))
        return pause(context, self, grace_s, {"suspects": [cluster["Id"] for cluster, _ in suspects]})

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> list[str]:
        own = own_event(context, self, event)
        if own is None:
            return self.execute(context)
        suspects = own["suspects"]
        orphans = [(cluster, run) for cluster, run in self._orphans(context) if cluster["Id"] in suspects]
        refused = [f"{run}: {protection_text(cluster['Id'])}" for cluster, run in orphans if is_protected(cluster)]
        for cluster, run in orphans:
            if not is_protected(cluster):
                self.log.warning("Terminating cluster %s of %s", cluster["Id"], run)
                cluster_api.terminate(self.hook.conn, cluster["Id"])
                tell(self, _ended(cluster, run))
        if refused:
            raise AirflowFailException("\n".join(refused))
        return [cluster["Id"] for cluster, _ in orphans]

    def _orphans(self, context: Context) -> list[tuple[dict[str, Any], str]]:
        """Return each live cluster that no run needs any more, as EMR describes it, with the words for its run."""
        found = []
        for cluster in cluster_api.live_clusters(self.hook.conn, name_prefix(self.settings.bucket)):
            tags = cluster_api.tags_of(cluster)
            if not deployment_tags(self.settings).items() <= tags.items() or not {DAG_TAG, RUN_TAG} <= set(tags):
                continue
            why = self._why_over(context, tags[DAG_TAG], tags[RUN_TAG])
            if why:
                found.append((cluster, f"run {tags[RUN_TAG]} of the DAG {tags[DAG_TAG]}, which {why}"))
        return found

    def _why_over(self, context: Context, dag_id: str, run_id: str) -> str | None:
        """Return how the run ended; null if it goes on.

        Runs are counted, because asking for the state of a deleted run is an error.
        """
        ti: Any = context["ti"]
        if ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=UNFINISHED_RUN_STATES):
            return None
        return "is over" if ti.get_dr_count(dag_id=dag_id, run_ids=[run_id]) else "was deleted"


def _ended(cluster: dict[str, Any], run: str) -> Message:
    text = (
        f"Cluster {cluster['Id']} ({cluster['Name']}) was left by {run}, and fruit_features_reaper has ended it. A run "
        "ends its own cluster: look why this one did not, in its task terminate_cluster"
    )
    return Message("orphan", cluster["Id"], f"fruit_features: orphaned cluster {cluster['Id']} was ended", text)

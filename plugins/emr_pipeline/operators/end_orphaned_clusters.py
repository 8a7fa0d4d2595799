"""Operator that ends the clusters of this deployment whose DAG run is over, in case Airflow died during a run."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.cluster_states import is_protected, protection_text
from emr_pipeline.emr.job_flow import BUCKET_TAG, DAG_TAG, RUN_TAG, name_prefix
from emr_pipeline.emr.triggers import SecondLookTrigger
from emr_pipeline.emr.wait_messages import duration_text
from emr_pipeline.settings import Settings
from emr_pipeline.task.airflow_compat import AirflowFailException
from emr_pipeline.task.deferral import TRIGGERER_SLACK_S

if TYPE_CHECKING:
    from airflow.sdk import Context

UNFINISHED_RUN_STATES = ["queued", "running"]


@dataclass(frozen=True)
class Orphan:
    """Live cluster, and the DAG run that no longer needs it."""

    cluster_id: str
    run: str
    is_protected: bool


class EndOrphanedClustersOperator(AwsBaseOperator[EmrHook]):
    """Operator that looks twice, a grace time apart, and ends what was orphaned both times; it returns their ids.

    A run that was just marked failed still ends its cluster by itself, and one that was just cleared needs it again.
    """

    aws_hook_class = EmrHook

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: "Context") -> list[str]:
        suspects = self._orphans(context)
        if not suspects:
            self.log.info("Every live cluster of this deployment belongs to a run that goes on")
            return []
        grace_s = self.settings.reaper_grace_s
        for orphan in suspects:
            self.log.info("%s of %s: looking again in %s", orphan.cluster_id, orphan.run, duration_text(grace_s))
        self.defer(
            # The suspects travel in the trigger's event and not in kwargs, which `DAG.test` loses.
            trigger=SecondLookTrigger([orphan.cluster_id for orphan in suspects], time.time() + grace_s),
            method_name="execute_complete",
            timeout=timedelta(seconds=grace_s + TRIGGERER_SLACK_S),
        )
        raise AssertionError("defer does not return")

    def execute_complete(self, context: "Context", event: dict[str, Any] | None = None) -> list[str]:
        suspects = (event or {})["suspects"]
        orphans = [orphan for orphan in self._orphans(context) if orphan.cluster_id in suspects]
        for orphan in orphans:
            if not orphan.is_protected:
                self.log.warning("Terminating cluster %s of %s", orphan.cluster_id, orphan.run)
                cluster_api.terminate(self.hook.conn, orphan.cluster_id)
        refused = [orphan for orphan in orphans if orphan.is_protected]
        if refused:
            raise AirflowFailException(
                "\n".join(f"{orphan.run}: {protection_text(orphan.cluster_id)}" for orphan in refused)
            )
        return [orphan.cluster_id for orphan in orphans]

    def _orphans(self, context: "Context") -> list[Orphan]:
        found = []
        for cluster in cluster_api.live_clusters(self.hook.conn, name_prefix(self.settings.bucket)):
            tags = cluster_api.tags_of(cluster)
            if tags.get(BUCKET_TAG) != self.settings.bucket or not {DAG_TAG, RUN_TAG} <= set(tags):
                continue
            why = self._why_over(context, tags[DAG_TAG], tags[RUN_TAG])
            if why:
                run = f"run {tags[RUN_TAG]} of the DAG {tags[DAG_TAG]}, which {why}"
                found.append(Orphan(cluster["Id"], run, is_protected(cluster)))
        return found

    def _why_over(self, context: "Context", dag_id: str, run_id: str) -> str | None:
        """Return how the run ended; null if it goes on.

        Runs are counted, because asking for the state of a deleted run is an error.
        """
        ti: Any = context["ti"]
        if ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=UNFINISHED_RUN_STATES):
            return None
        return "is over" if ti.get_dr_count(dag_id=dag_id, run_ids=[run_id]) else "was deleted"

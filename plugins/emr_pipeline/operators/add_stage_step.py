"""Adds a stage's step to the run's cluster, once."""

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator

from emr_pipeline import clusters
from emr_pipeline.dag_run import run_layout
from emr_pipeline.settings import Settings
from emr_pipeline.stages import Stage, step

if TYPE_CHECKING:
    from airflow.sdk import Context

# A cancelled, failed or interrupted step has done nothing that counts; a retry adds another.
ADOPTED_STATES = ("PENDING", "RUNNING", "COMPLETED")


class AddStageStepOperator(EmrAddStepsOperator):
    """Adopts this run's own step of the stage if the cluster has one that counts, or adds it; returns its id.

    AddJobFlowSteps has no client token: a second attempt would run the stage twice. A step is the run's own if its
    name and its whole command line are the same, so that newly staged code is run and not mistaken for done.
    """

    template_fields = (*EmrAddStepsOperator.template_fields, "code_uri")

    def __init__(self, *, settings: Settings, stage: Stage, code_uri: str, **kwargs: Any) -> None:
        super().__init__(deferrable=False, **kwargs)
        self.settings = settings
        self.stage = stage
        self.code_uri = code_uri

    def execute(self, context: "Context") -> str:  # type: ignore[override]
        cluster_id = str(self.job_flow_id)
        clusters.persist_links(context, self, cluster_id)
        wanted = step(self.stage, run_layout(context, self.settings), context["params"], self.code_uri)
        step_id = self._own_step(cluster_id, wanted)
        if step_id:
            self.log.info("Adopting step %s, which this run added to %s before", step_id, cluster_id)
            return step_id
        return str(self.hook.add_job_flow_steps(job_flow_id=cluster_id, steps=[wanted])[0])

    def _own_step(self, cluster_id: str, wanted: dict[str, Any]) -> str | None:
        """The newest step that counts and does exactly what is wanted (list_steps gives the newest first)."""
        emr: Any = self.hook.conn
        pages = emr.get_paginator("list_steps").paginate(ClusterId=cluster_id, StepStates=list(ADOPTED_STATES))
        for found in (found for page in pages for found in page["Steps"]):
            if found["Name"] == wanted["Name"] and found["Config"]["Args"] == wanted["HadoopJarStep"]["Args"]:
                return str(found["Id"])
        return None

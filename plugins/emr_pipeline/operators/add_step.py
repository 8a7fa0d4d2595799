"""Operator that adds a stage's step to the run's cluster, once."""

from typing import Any

from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator
from airflow.sdk import Context

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.idempotent_requests import make_once
from emr_pipeline.errors import PipelineError
from emr_pipeline.run.layout import RunLayout, split_uri
from emr_pipeline.run.stages import STAGES, Stage, step
from emr_pipeline.s3.objects import delete_keys, head
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.airflow_compat import AirflowFailException
from emr_pipeline.task.dag_run import emr_hook_without_retries, run_layout, s3_client
from emr_pipeline.task.links import persist_cluster_links
from emr_pipeline.task.refusal import refused_for_good
from emr_pipeline.task.run_params import params_of_run

# A cancelled, failed or interrupted step has done nothing that counts; a retry adds another.
ADOPTED_STATES = ("PENDING", "RUNNING", "COMPLETED")


class AddStepOperator(EmrAddStepsOperator):
    """Operator that adopts this run's own step of the stage, or adds it if there is none; it returns the step's id.

    AddJobFlowSteps has no client token: a second attempt would run the stage twice. A step is the run's own if its
    name and its whole command line are the same, so newly staged code is run and not mistaken for done.

    A stage counts as done if its statistics are there, which it writes last. No stage begins before the stages ahead
    of it count. A stage that begins deletes its own statistics and those of the stages after it, whose data it makes
    out of date. No stage of a run that is published begins.
    """

    template_fields = (*EmrAddStepsOperator.template_fields, "code_uri")

    def __init__(self, *, settings: Settings, stage: Stage, code_uri: str, **kwargs: Any) -> None:
        super().__init__(deferrable=False, **kwargs)
        self.settings, self.stage, self.code_uri = settings, stage, code_uri
        self._wanted: dict[str, Any] | None = None
        self._is_killed = False

    def execute(self, context: Context) -> str:  # type: ignore[override]
        return self.add_once(context)

    def add_once(self, context: Context) -> str:
        """Return the id of the run's own step, adopted or added; `wait_for_step` may call this outside its own task."""
        cluster_id, layout = str(self.job_flow_id), run_layout(context, self.settings)
        persist_cluster_links(context, self, cluster_id)
        self._wanted = wanted = step(self.stage, layout, params_of_run(context), self.code_uri)
        step_id = self._own_step(cluster_id, wanted)
        if step_id:
            self.log.info("Adopting step %s, which this run added to %s before", step_id, cluster_id)
            return step_id
        self._prepare(layout)
        emr = emr_hook_without_retries(self)
        step_id = make_once(
            make=lambda: str(emr.add_job_flow_steps(job_flow_id=cluster_id, steps=[wanted])[0]),
            find=lambda: self._own_step(cluster_id, wanted),
        )
        if self._is_killed:
            # The kill came while the request was under way, and found no step to cancel.
            cluster_api.cancel_step(self.hook.conn, cluster_id, step_id)
            raise AirflowFailException(f"this task was ended while it added step {step_id}")
        return step_id

    def on_kill(self) -> None:
        self._is_killed = True
        step_id = self._wanted and self._own_step(str(self.job_flow_id), self._wanted)
        if step_id:
            cluster_api.cancel_step(self.hook.conn, str(self.job_flow_id), step_id)

    @refused_for_good()
    def _prepare(self, layout: RunLayout) -> None:
        s3: Any = s3_client(self)
        Published(s3, layout.bucket).refuse_rewrite(layout)
        position = STAGES.index(self.stage)
        for stage in STAGES[:position]:
            if not head(s3, layout.stats_uri(stage.name)):
                raise PipelineError(
                    f"{layout.stats_uri(stage.name)} is not there: {stage.name} did not finish, and {self.stage.name} "
                    f"would read half of its data. Clear the task group {stage.name} and what follows it"
                )
        stats = [split_uri(layout.stats_uri(stage.name)) for stage in STAGES[position:]]
        delete_keys(s3, layout.bucket, [key for _, key in stats])

    def _own_step(self, cluster_id: str, wanted: dict[str, Any]) -> str | None:
        """Return the newest step that counts and does exactly what is wanted (list_steps gives the newest first)."""
        emr: Any = self.hook.conn
        pages = emr.get_paginator("list_steps").paginate(ClusterId=cluster_id, StepStates=list(ADOPTED_STATES))
        for found in (found for page in pages for found in page["Steps"]):
            if found["Name"] == wanted["Name"] and found["Config"]["Args"] == wanted["HadoopJarStep"]["Args"]:
                return str(found["Id"])
        return None

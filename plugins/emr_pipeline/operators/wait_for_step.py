"""The gate after each stage's step: waits as long as the stage may take, and says why it failed."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.sensors.emr import EmrStepSensor
from botocore.exceptions import ClientError

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.cancel_step import cancel_step
from emr_pipeline.emr.step_age import age_s, lifetime_s
from emr_pipeline.emr.step_failure import failure_text
from emr_pipeline.emr.step_logs import step_logs_uri, wait_for_step_tails
from emr_pipeline.emr.triggers import StepTrigger
from emr_pipeline.emr.wait_messages import duration_text, progress_text, waiting_text
from emr_pipeline.operators.add_stage_step import AddStageStepOperator
from emr_pipeline.operators.cluster_wait import TRIGGERER_SLACK_S
from emr_pipeline.run.stages import Stage
from emr_pipeline.s3.objects import error_code, read_json
from emr_pipeline.settings import Settings
from emr_pipeline.task.airflow_compat import AirflowFailException, AirflowSensorTimeout
from emr_pipeline.task.dag_run import aws_parameters, own_event, run_layout, s3_client, task_name
from emr_pipeline.task.links import ReportLink, RunFolderLink, persist_run_links

if TYPE_CHECKING:
    from airflow.sdk import Context

# How long Airflow may take to cancel what it was cleared of: by then the next attempt may have adopted that step.
CLEARING_S = 120


class StageStepSensor(EmrStepSensor):
    """Waits for a stage's step; a failed one raises its own last words, one over its time is cancelled.

    Its time begins when EMR takes the step, and a retry of this task does not make it longer. Cleared alone, without
    the task that adds the step, this adds it itself. A later attempt may wait for the step of an earlier one, which
    Airflow is about to cancel because it was cleared: cancelled within `CLEARING_S`, it is added anew, once.
    """

    template_fields = (*EmrStepSensor.template_fields, "code_uri")
    operator_extra_links: Any = (*EmrStepSensor.operator_extra_links, ReportLink(), RunFolderLink())

    def __init__(
        self, *, settings: Settings, stage: Stage, code_uri: str, deferrable: bool = True, **kwargs: Any
    ) -> None:
        self.limit_s = settings.time_limit_s(stage.name)
        super().__init__(deferrable=deferrable, timeout=self.limit_s, poke_interval=settings.poll_s, **kwargs)
        self.settings = settings
        self.stage = stage
        self.code_uri = code_uri
        self._started_at = time.time()
        self._anew_until = 0.0

    def execute(self, context: "Context") -> None:
        persist_run_links(context, self)
        if context["ti"].try_number > 1:
            self._anew_until = time.time() + CLEARING_S
        step = self._step_of_this_attempt(context)
        self._started_at = time.time() - age_s(step)
        if self.deferrable:
            if not self._is_completed(context, step):
                self._wait_deferred(context)
            return
        self.timeout = max(0.0, self._started_at + self.limit_s - time.time())
        try:
            super().execute(context)
        except AirflowSensorTimeout as error:
            raise self._given_up() from error

    def execute_complete(self, context: "Context", event: dict[str, Any] | None = None) -> None:
        # The trigger says that it is time to look, not what there is to see.
        told = own_event(context, self, event)
        if told is None:
            self.execute(context)
            return
        self._started_at, self.step_id, self._anew_until = told["started_at"], told["step_id"], told["anew_until"]
        if self.poke(context):
            return
        if told["status"] == "timeout":
            raise AirflowSensorTimeout("the trigger's deadline passed")
        # It could not ask EMR, and now EMR answers: the wait goes on, to the same deadline. Or the step is a new one.
        self._wait_deferred(context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: "Context") -> Any:
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSensorTimeout as error:
            # From execute_complete, or from Airflow because no triggerer looked for longer than the stage may take.
            raise self._given_up() from error

    def poke(self, context: "Context") -> bool:
        """Whether the step is completed; raises if it ended otherwise."""
        return self._is_completed(context, self.get_emr_response(context))

    def on_kill(self) -> None:
        cancel_step(self.hook.conn, str(self.job_flow_id), str(self.step_id))

    def _is_completed(self, context: "Context", step: dict[str, Any]) -> bool:
        state = self.state_from_response(step)
        if state == "CANCELLED" and self._started_at + lifetime_s(step) < self._anew_until:
            self._add_anew(context)
            return False
        if state in self.failed_states:
            raise AirflowFailException(self._why_it_failed(step["Step"]["Status"]))
        progress_uri = run_layout(context, self.settings).progress_uri(self.stage.name)
        what = progress_text(state, read_json(s3_client(self), progress_uri) if state == "RUNNING" else None)
        self.log.info("%s", waiting_text(self.stage.name, what, time.time() - self._started_at, self.limit_s))
        return state in self.target_states

    def _wait_deferred(self, context: "Context") -> None:
        self.defer(
            trigger=StepTrigger(
                waiting_task=task_name(context, self),
                cluster_id=self.job_flow_id,
                step_id=self.step_id,
                stage=self.stage.name,
                progress_uri=run_layout(context, self.settings).progress_uri(self.stage.name),
                aws=aws_parameters(self),
                poll_s=self.poke_interval,
                started_at=self._started_at,
                deadline=self._started_at + self.limit_s,
                anew_until=self._anew_until,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.limit_s + TRIGGERER_SLACK_S),
        )

    def _step_of_this_attempt(self, context: "Context") -> dict[str, Any]:
        """The step that `add_step` named, if it can still be waited for; else one that is added now, or adopted."""
        try:
            step = self.get_emr_response(context)
        except ClientError as error:
            # The cluster has no such step: it is a new one, and this task was cleared alone.
            if error_code(error) != "InvalidRequestException":
                raise
        else:
            is_over = self.state_from_response(step) in self.failed_states
            if not is_over or context["ti"].try_number == 1:
                return step
        return self._add_anew(context)

    def _add_anew(self, context: "Context") -> dict[str, Any]:
        ended, self.step_id = self.step_id, self._add_step(context)
        self.log.info("Step %s was an earlier attempt's; this one waits for %s", ended, self.step_id)
        self._started_at, self._anew_until = time.time(), 0.0
        self.timeout = self.limit_s
        return self.get_emr_response(context)

    def _add_step(self, context: "Context") -> str:
        add_step = AddStageStepOperator(
            task_id=f"{self.task_id}_again",
            settings=self.settings,
            stage=self.stage,
            job_flow_id=str(self.job_flow_id),
            code_uri=self.code_uri,
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            botocore_config=self.botocore_config,
        )
        return add_step.add_once(context)

    def _why_it_failed(self, status: dict[str, Any]) -> str:
        cluster = cluster_api.describe(self.hook.conn, self.job_flow_id)
        logs_uri = step_logs_uri(cluster["LogUri"], self.job_flow_id, self.step_id)
        timeline = status.get("Timeline", {})
        # A step that never started has no log to wait for.
        wait_s = self.settings.log_wait_s if "StartDateTime" in timeline else 0
        tails = wait_for_step_tails(
            s3_client(self), logs_uri, timeline.get("EndDateTime"), wait_s, self.settings.poll_s
        )
        return failure_text(self.stage.name, self.step_id, cluster, status, tails, logs_uri)

    def _given_up(self) -> AirflowSensorTimeout:
        cancel_step(self.hook.conn, str(self.job_flow_id), str(self.step_id))
        return AirflowSensorTimeout(
            f"{self.stage.name}: step {self.step_id} did not end within {duration_text(self.limit_s)}, so it was "
            f"cancelled. Should it take that long, raise FRUIT_FEATURES_{self.stage.name.upper()}_TIME_LIMIT_S; then "
            f"clear the task group {self.stage.name}"
        )

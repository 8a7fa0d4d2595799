"""Sensor that waits for a stage's step as long as the stage may take, and says why it failed."""

import time
from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.sensors.emr import EmrStepSensor
from airflow.sdk import Context
from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.step_age import age_s
from emr_pipeline.emr.step_failure import failure_text
from emr_pipeline.emr.step_logs import logs_uri_of, wait_for_step_tails
from emr_pipeline.emr.triggers import StepTrigger
from emr_pipeline.emr.wait_messages import duration_text, waiting_text
from emr_pipeline.errors import PipelineError
from emr_pipeline.operators.add_step import AddStepOperator
from emr_pipeline.run.message import Message
from emr_pipeline.run.stages import Stage
from emr_pipeline.s3.objects import error_code
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.former import former_seconds
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.airflow_compat import AirflowFailException, AirflowSensorTimeout
from emr_pipeline.task.dag_run import aws_parameters, run_id, run_layout, s3_client
from emr_pipeline.task.deferral import TRIGGERER_SLACK_S, own_event, task_name
from emr_pipeline.task.links import ExplorerLink, ReportLink, RunFolderLink, persist_run_links
from emr_pipeline.task.messages import tell
from emr_pipeline.task.run_params import params_of_run, wanted_end
from run_contract.cluster_sizes import SIZES
from run_contract.stages import INGEST

# How long Airflow may take to cancel the step of a cleared task: by then the next attempt may have adopted that step.
CLEARING_S = 120


class WaitForStepSensor(EmrStepSensor):
    """Sensor for a stage's step: a failed step raises its own last words, and one over its time is cancelled.

    The time begins when EMR takes the step, and a retry of this task does not make it longer. Cleared alone, without
    the task that adds the step, this sensor adds it itself. A later attempt may adopt the step of an earlier one, which
    Airflow is about to cancel because the task was cleared: if it is cancelled within `CLEARING_S`, the sensor adds it
    again, once. A step that failed is repeated only for a person, not for a retry by Airflow itself, which may have
    taken the attempt that saw the failure for lost.
    """

    template_fields = (*EmrStepSensor.template_fields, "code_uri")
    operator_extra_links: Any = (*EmrStepSensor.operator_extra_links, ReportLink(), ExplorerLink(), RunFolderLink())

    def __init__(self, *, settings: Settings, stage: Stage, code_uri: str, **kwargs: Any) -> None:
        super().__init__(deferrable=True, **kwargs)
        self.settings, self.stage, self.code_uri = settings, stage, code_uri
        self.limit_s = settings.time_limit_s(stage.name)
        self._started_at = time.time()
        self._add_again_until = 0.0
        self._has_warned = False

    def execute(self, context: Context) -> None:
        persist_run_links(context, self)
        if context["ti"].try_number > 1:
            self._add_again_until = time.time() + CLEARING_S
        step = self._step_of_this_attempt(context)
        self._started_at = time.time() - age_s(step)
        if not self._is_completed(context, step):
            self._wait_deferred(context)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> None:
        own = own_event(context, self, event)
        if own is None:
            self.execute(context)
            return
        self._started_at, self.step_id = own["started_at"], own["step_id"]
        self._add_again_until = own["add_again_until"]
        late: dict[str, str] | None = own.get("late")
        self._has_warned = own.get("has_warned", False) or late is not None
        if late is not None:
            self.log.warning("%s: %s", self.stage.name, late["text"])
            tell(self, self._warning(context, late))
        if self._is_completed(context, self.get_emr_response(context)):
            return
        if own["status"] == "timeout":
            raise AirflowSensorTimeout("the trigger's deadline passed")
        # The trigger could not ask EMR, and now EMR answers; or the step is a new one. The wait goes on.
        self._wait_deferred(context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSensorTimeout as error:
            # From execute_complete, or from Airflow because no triggerer looked for longer than the stage may take.
            cluster_api.cancel_step(self.hook.conn, str(self.job_flow_id), str(self.step_id))
            raise AirflowSensorTimeout(
                f"{self.stage.name}: step {self.step_id} did not end within {duration_text(self.limit_s)}, so it was "
                f"cancelled. If it needs more time, raise FRUIT_FEATURES_{self.stage.name.upper()}_TIME_LIMIT_S; then "
                f"clear the task group {self.stage.name}"
            ) from error

    def on_kill(self) -> None:
        cluster_api.cancel_step(self.hook.conn, str(self.job_flow_id), str(self.step_id))

    def _is_completed(self, context: Context, step: dict[str, Any]) -> bool:
        """Return whether the step is completed; raise an error if it ended in another way."""
        state = self.state_from_response(step)
        if state == "CANCELLED" and self._started_at + age_s(step) < self._add_again_until:
            self._add_again(context)
            return False
        if state in self.failed_states:
            raise AirflowFailException(self._why_it_failed(step["Step"]["Status"]))
        self.log.info("%s", waiting_text(self.stage.name, state, time.time() - self._started_at, self.limit_s))
        if state in self.target_states and self.stage.name != INGEST and not self._is_scaled(context):
            # The stages after featurize_images are too short to pay for them. One that was cleared alone has a cluster
            # of its own, with task nodes.
            cluster_api.release_task_fleet(self.hook.conn, str(self.job_flow_id))
        return state in self.target_states

    def _is_scaled(self, context: Context) -> bool:
        """Return whether EMR itself decides how many task nodes there are; it would bring back what is released."""
        return SIZES[params_of_run(context)["cluster_size"]].is_scaled

    def _wait_deferred(self, context: Context) -> None:
        self.defer(
            trigger=StepTrigger(
                waiting_task=task_name(context, self),
                cluster_id=self.job_flow_id,
                step_id=self.step_id,
                stage=self.stage.name,
                progress_uri=run_layout(context, self.settings).progress_uri(self.stage.name),
                aws=aws_parameters(self),
                poll_s=self.settings.poll_s,
                started_at=self._started_at,
                deadline=self._started_at + self.limit_s,
                add_again_until=self._add_again_until,
                former_s=self._former_s(context),
                wanted_end=wanted_end(context),
                has_warned=self._has_warned,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.limit_s + TRIGGERER_SLACK_S),
        )

    def _former_s(self, context: Context) -> dict[str, float]:
        """Return what the forecast needs of the former run; nothing where it cannot be read, for no wait ends of it."""
        layout = run_layout(context, self.settings)
        try:
            return former_seconds(Published(s3_client(self), layout.bucket), layout)
        except (BotoCoreError, ClientError, PipelineError) as error:
            self.log.warning("How long the former run took is not known: %s", error)
            return {}

    def _warning(self, context: Context, late: dict[str, str]) -> Message:
        run = run_layout(context, self.settings).run
        about = f"{self.settings.deployment} {run_id(context)} {late['about']}"
        text = f"Run {run}, in {self.stage.name}: {late['text']}.\n\nThis is a forecast, and ends nothing."
        return Message("late", about, f"fruit_features: {run} will be late", text)

    def _step_of_this_attempt(self, context: Context) -> dict[str, Any]:
        """Return the step that `add_step` named if it can still be waited for, else one that is added or adopted."""
        try:
            step = self.get_emr_response(context)
            if not self._is_to_be_repeated(context, self.state_from_response(step)):
                return step
        except ClientError as error:
            # The cluster has no such step: it is a new cluster, and this task was cleared alone.
            if error_code(error) != "InvalidRequestException":
                raise
        return self._add_again(context)

    def _is_to_be_repeated(self, context: Context, state: str) -> bool:
        """Return whether the step of an earlier attempt is to be repeated rather than waited for."""
        ti: Any = context["ti"]
        # Clearing a task makes its `max_tries` larger.
        first_try = ti.max_tries - self.retries + 1
        return ti.try_number > 1 and (
            state == "CANCELLED" or (state in self.failed_states and ti.try_number == first_try)
        )

    def _add_again(self, context: Context) -> dict[str, Any]:
        add_step = AddStepOperator(
            task_id=f"{self.task_id}_again",
            settings=self.settings,
            stage=self.stage,
            job_flow_id=str(self.job_flow_id),
            code_uri=self.code_uri,
            **{name: getattr(self, name) for name in ("aws_conn_id", "region_name", "verify", "botocore_config")},
        )
        ended, self.step_id = self.step_id, add_step.add_once(context)
        self.log.info("Step %s belonged to an earlier attempt; this one waits for %s", ended, self.step_id)
        self._started_at, self._add_again_until = time.time(), 0.0
        return self.get_emr_response(context)

    def _why_it_failed(self, status: dict[str, Any]) -> str:
        cluster = cluster_api.describe(self.hook.conn, self.job_flow_id)
        logs_uri = logs_uri_of(cluster["LogUri"], self.job_flow_id, f"steps/{self.step_id}")
        timeline = status.get("Timeline", {})
        # A step that never started has no log to wait for.
        wait_s = self.settings.log_wait_s if "StartDateTime" in timeline else 0
        limits_s = (wait_s, self.settings.poll_s)
        tails = wait_for_step_tails(s3_client(self), logs_uri, timeline.get("EndDateTime"), *limits_s)
        return failure_text(self.stage.name, self.step_id, cluster, status, tails, logs_uri)

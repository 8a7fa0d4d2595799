"""The world of a fault of Airflow's own: a DAG of the row's in the Airflow that such rows share."""

from dataclasses import dataclass, field
from typing import Any

from tests.faults.airflow_home import IS_FLOOR
from tests.faults.dag_copy import file_text
from tests.faults.live_airflow import LiveAirflow
from tests.faults.proxy import Hold
from tests.faults.scene import Scene
from tests.faults.stand_in import STAGES

OVER = ("success", "failed")
RUN_LIMIT_S = 400
# A scheduler that still learns that a task was deferred when the task goes on already takes it for lost: the poll is
# longer than its slowest loop.
POLL_S = "8" if IS_FLOOR else "3"


@dataclass(frozen=True)
class LiveRun:
    """A run that was triggered; the same handle as a process that runs a DAG."""

    run_id: str

    def kill(self) -> None:
        """Airflow as a whole is ended when its rows are over."""


@dataclass
class LiveScene(Scene):
    """Its tasks go through the row's own proxy; the triggerer, which all rows share, asks the endpoint itself."""

    airflow: LiveAirflow = field(kw_only=True)

    @property
    def dag_id(self) -> str:
        return self.bucket.replace("-", "_")

    def stage(self) -> None:
        super().stage()
        environment = self.home.environment(
            self.bucket, self.proxy.url, {"FRUIT_FEATURES_POLL_S": POLL_S} | self.settings
        )
        own = {name: value for name, value in environment.items() if name.startswith(("FRUIT_", "AWS_ENDPOINT"))}
        draft = self.airflow.dags_folder / f"{self.dag_id}.draft"
        draft.write_text(file_text(self.dag_id, own), encoding="utf-8")
        draft.rename(draft.with_suffix(".py"))
        self.airflow.wait_for_dag(self.dag_id)

    def start_dag(
        self, dag_id: str = "fruit_features", run: str | None = None, conf: dict[str, Any] | None = None
    ) -> Any:
        run = run or self.run
        self.airflow.trigger(self.dag_id, run, conf or self.conf(run))
        return LiveRun(run)

    def result(self, process: Any, dag_id: str = "fruit_features", run: str | None = None) -> Any:
        return self.finished(run or self.run)

    def finished(self, run: str) -> dict[str, Any]:
        """What came of a run, once Airflow calls it over and its cluster is gone."""
        self.wait_for(
            f"the end of {run}", lambda: self.airflow.run_state(self.dag_id, run) in OVER, RUN_LIMIT_S, every_s=1
        )
        # The teardown of a run that a person marked goes on after the run is over.
        self.wait_for("the clusters' end", lambda: not self.live_clusters(), every_s=1)
        return {
            "state": self.airflow.run_state(self.dag_id, run),
            "tasks": self.airflow.tasks(self.dag_id, run),
            "errors": self.airflow.errors(self.dag_id, run),
        }

    def attempts(self) -> tuple[int, ...]:
        tries = self.airflow.tries(self.dag_id, self.run)
        return tuple(max(tries[f"{stage}.{task}"] for task in ("add_step", "wait_for_step")) for stage in STAGES)

    def hold(self, operation: str, after: bool) -> Hold:
        """Let the next such request hang, before or after EMR did what it asks; its sender is killed meanwhile."""
        hold = Hold(lambda request: request.operation == operation, after)
        self.proxy.holds.append(hold)
        return hold

    def kill_worker_at(self, hold: Hold, task_id: str) -> None:
        """Kill the worker of a task while its request hangs; the answer never comes."""
        hold.wait_until_held(RUN_LIMIT_S)
        self.airflow.kill_worker_of(self.dag_id, self.run, task_id)
        hold.released.set()

    def waiting_step(self, stage: str) -> dict[str, Any]:
        """The step of a stage, once it runs and the task that waits for it is deferred."""
        step = self.running_step(stage, RUN_LIMIT_S)
        self.wait_for_deferred(f"{stage}.wait_for_step")
        return step

    def wait_for_deferred(self, task_id: str) -> None:
        """Until a triggerer has taken up the trigger of a task: then, and not before, it notices that the task ends."""
        self.wait_for(
            f"{task_id} deferred, and its trigger taken up",
            lambda: (self.airflow.task(self.dag_id, self.run, task_id)["triggerer_job"] or {}).get("id"),
            RUN_LIMIT_S,
        )

"""Faults of Airflow itself: its workers, its triggerer and its scheduler die; people clear, mark and repeat."""

from collections.abc import Callable

from tests.faults.airflow_home import IS_FLOOR
from tests.faults.fault import Fault
from tests.faults.live_scene import LiveScene

WAIT = "featurize_images.wait_for_step"
GROUP = ["featurize_images.add_step", WAIT]
Strike = Callable[[LiveScene], None]


def kill_worker(operation: str, task_id: str, after: bool) -> Strike:
    """Kill the worker while a request of its task hangs, before or after EMR did what it asks."""

    def strike(scene: LiveScene) -> None:
        scene.kill_worker_at(scene.hold(operation, after), task_id)

    return strike


def wait_for_word(scene: LiveScene) -> None:
    scene.befores["featurize_images"] = "wait_for_word()"


def hang_once(scene: LiveScene) -> None:
    """The step of the first attempt goes on until it is ended; that of the second is done at once."""
    scene.befores["featurize_images"] = (
        'tried = GIVEN["--stats-uri"] + ".tried"\n'
        'try: S3.head_object(**where(tried))\n'
        'except Exception: put(tried, {}); time.sleep(60)'
    )  # fmt: skip


def hang(scene: LiveScene) -> None:
    scene.befores["featurize_images"] = "time.sleep(300)"


def hang_in_bootstrap(scene: LiveScene) -> None:
    scene.bootstrap = "exec sleep 300\n"


def restart_triggerer(scene: LiveScene) -> None:
    scene.waiting_step("featurize_images")
    scene.airflow.kill("triggerer")
    scene.airflow.start("triggerer")
    scene.give_word()


def restart_scheduler(scene: LiveScene) -> None:
    """With its workers, one of which has just added a step and told nobody."""
    hold = scene.hold("AddJobFlowSteps", after=True)
    hold.wait_until_held()
    scene.airflow.kill("scheduler")
    hold.released.set()
    scene.airflow.start("scheduler")


def clear_stage(scene: LiveScene) -> None:
    scene.waiting_step("featurize_images")
    scene.airflow.clear(scene.dag_id, scene.run, GROUP, with_later_ones=True)


def clear_wait(scene: LiveScene) -> None:
    scene.waiting_step("featurize_images")
    scene.airflow.clear(scene.dag_id, scene.run, [WAIT], with_later_ones=False)


def mark_run(state: str) -> Strike:
    def strike(scene: LiveScene) -> None:
        scene.waiting_step("featurize_images")
        scene.airflow.mark_run(scene.dag_id, scene.run, state)

    return strike


def mark_task(task_id: str, state: str) -> Strike:
    def strike(scene: LiveScene) -> None:
        scene.wait_for_deferred(task_id)
        scene.airflow.mark_task(scene.dag_id, scene.run, task_id, state)

    return strike


def clear_published_stage(scene: LiveScene) -> None:
    """Refused: every object that the stages made is as it was, and so is what is published."""
    before, published = scene.results_of(scene.run), scene.published()
    assert before
    scene.airflow.clear(scene.dag_id, scene.run, GROUP, with_later_ones=True)
    scene.wait_for("the run to go on", lambda: scene.airflow.run_state(scene.dag_id, scene.run) != "success")
    refused = scene.finished(scene.run)
    scene.told += [text for _, text in refused["errors"]]
    assert refused["state"] == "failed"
    assert scene.results_of(scene.run) == before
    assert scene.published() == published


TWICE_FEATURIZED = (1, 2, 1, 1)
# Airflow 3.0 tells a trigger that its task was cleared when the next attempt may be waiting already.
MAY_ADOPT = IS_FLOOR
NOTHING_LATER = (1, 1, 0, 0)

AIRFLOW_FAULTS = (
    Fault("a run that a scheduler runs, undisturbed", "success", needs_scheduler=True, is_control=True),
    Fault(
        "worker killed while it creates the cluster",
        "success",
        strike=kill_worker("RunJobFlow", "create_cluster", after=False),
        needs_scheduler=True,
    ),
    Fault(
        "worker killed between creating and recording the cluster",
        "success",
        strike=kill_worker("RunJobFlow", "create_cluster", after=True),
        needs_scheduler=True,
    ),
    Fault(
        "worker killed while it adds a step",
        "success",
        strike=kill_worker("AddJobFlowSteps", "ingest_images.add_step", after=True),
        needs_scheduler=True,
    ),
    Fault(
        "worker killed while it waits",
        "success",
        strike=kill_worker("DescribeStep", "ingest_images.wait_for_step", after=False),
        needs_scheduler=True,
    ),
    Fault(
        "task cleared while running",
        "success",
        prepare=hang_once,
        strike=clear_stage,
        steps=TWICE_FEATURIZED,
        may_adopt=MAY_ADOPT,
        needs_scheduler=True,
    ),
    Fault(
        "only the wait of a stage cleared while running",
        "success",
        prepare=hang_once,
        strike=clear_wait,
        steps=TWICE_FEATURIZED,
        may_adopt=MAY_ADOPT,
        needs_scheduler=True,
    ),
    Fault(
        "run marked failed",
        "failed",
        "this run was marked failed",
        prepare=hang,
        strike=mark_run("failed"),
        steps=NOTHING_LATER,
        needs_scheduler=True,
    ),
    Fault(
        "run marked success",
        "success",
        prepare=hang,
        strike=mark_run("success"),
        steps=NOTHING_LATER,
        published="old",
        needs_scheduler=True,
    ),
    Fault(
        "task marked failed while deferred",
        "failed",
        prepare=hang,
        strike=mark_task(WAIT, "failed"),
        steps=NOTHING_LATER,
        needs_scheduler=True,
    ),
    Fault(
        "create_cluster marked failed while the cluster starts",
        "failed",
        prepare=hang_in_bootstrap,
        strike=mark_task("create_cluster", "failed"),
        needs_scheduler=True,
    ),
    Fault(
        "a stage of a published run cleared",
        "success",
        "what is published is never rewritten",
        afterwards=clear_published_stage,
        needs_scheduler=True,
    ),
    Fault("two runs at once in one Airflow", "success", runs=2, needs_scheduler=True),
    Fault(
        "triggerer killed and restarted",
        "success",
        prepare=wait_for_word,
        strike=restart_triggerer,
        needs_scheduler=True,
        breaks_all=True,
    ),
    Fault(
        "scheduler killed and restarted, its workers with it",
        "success",
        strike=restart_scheduler,
        needs_scheduler=True,
        breaks_all=True,
    ),
)

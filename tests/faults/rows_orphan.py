"""Airflow dies for good in the middle of a run: who ends its cluster then."""

from tests.faults.fault import Fault
from tests.faults.rows_cluster import hang_in_featurize, wait_in_featurize
from tests.faults.scene import Scene

# The least that EMR's AutoTerminationPolicy takes.
IDLE_S = 60


def wait_and_be_left(scene: Scene) -> None:
    wait_in_featurize(scene)
    scene.settings["FRUIT_FEATURES_KEEP_ALIVE_S"] = str(IDLE_S)


def kill_airflow(scene: Scene) -> None:
    scene.running_step("featurize_images")
    scene.kill_airflow()


def delete_and_reap(scene: Scene) -> None:
    assert len(scene.live_clusters()) == 1
    scene.delete_runs()
    scene.reap()


def be_left_idle(scene: Scene) -> None:
    scene.give_word()
    scene.wait_for("EMR to end the idle cluster", lambda: not scene.live_clusters(), IDLE_S + 60, every_s=2)
    scene.told += [cluster["Status"]["StateChangeReason"]["Message"] for cluster in scene.clusters()]


ORPHAN_FAULTS = (
    Fault(
        "Airflow killed for good, nobody looks",
        "killed",
        f"Auto-terminated: idle for {IDLE_S} seconds",
        prepare=wait_and_be_left,
        strike=kill_airflow,
        afterwards=be_left_idle,
        published="old",
    ),
    Fault(
        "Airflow killed for good, the run deleted",
        "killed",
        "Terminating cluster .* which was deleted",
        prepare=hang_in_featurize,
        strike=kill_airflow,
        afterwards=delete_and_reap,
        published="old",
    ),
)

"""Faults of Airflow itself: it dies, and nobody is left who would end the cluster."""

import subprocess

from tests.faults.fault import KILLED, Fault
from tests.faults.rows_cluster import hang_in_bootstrap, hang_in_featurize
from tests.faults.scene import Scene


def kill_while_a_step_runs(scene: Scene) -> None:
    scene.running_step("featurize_images")
    _kill(scene)


def kill_while_a_cluster_starts(scene: Scene) -> None:
    scene.wait_for("a cluster", scene.live_clusters)
    _kill(scene)


def delete_run_and_reap(scene: Scene) -> None:
    """The reaper leaves a run alone that Airflow takes for a running one; then somebody deletes it."""
    (cluster_id,) = scene.live_clusters()
    assert scene.run_dag("fruit_features_reaper")["state"] == "success"
    assert scene.live_clusters() == [cluster_id]
    scene.home.delete_runs("fruit_features")
    scene.reap()


def _kill(scene: Scene) -> None:
    airflow: subprocess.Popen[bytes] = scene.airflows[scene.run]
    airflow.kill()
    airflow.wait(30)


AIRFLOW_FAULTS = (
    Fault(
        "Airflow killed for good while a step runs, its run deleted",
        KILLED,
        prepare=hang_in_featurize,
        strike=kill_while_a_step_runs,
        afterwards=delete_run_and_reap,
    ),
    Fault(
        "Airflow killed for good while a cluster starts, its run deleted",
        KILLED,
        prepare=hang_in_bootstrap,
        strike=kill_while_a_cluster_starts,
        afterwards=delete_run_and_reap,
    ),
)

"""Faults of the cluster: it does not come up, it goes away, it will not go."""

from tests.faults.fault import Fault
from tests.faults.scene import Scene

HANG = "time.sleep(300)"


def fail_bootstrap(scene: Scene) -> None:
    scene.bootstrap = "echo 'ERROR EnvironmentMismatchError: no Python 3.11 here' >&2; exit 3\n"


def hang_in_bootstrap(scene: Scene) -> None:
    scene.bootstrap = "exec sleep 300\n"


def limit_cluster(scene: Scene) -> None:
    hang_in_bootstrap(scene)
    scene.settings["FRUIT_FEATURES_CLUSTER_TIME_LIMIT_S"] = "5"


def end_while_bootstrapping(scene: Scene) -> None:
    scene.wait_for("a bootstrapping cluster", lambda: _in_state(scene, "BOOTSTRAPPING"))
    scene.emr.terminate_job_flows(JobFlowIds=scene.live_clusters())


def hang_in_featurize(scene: Scene) -> None:
    scene.befores["featurize_images"] = HANG


def lose_cluster(scene: Scene) -> None:
    step = scene.running_step("featurize_images")
    scene.emr.terminate_job_flows(JobFlowIds=[step["ClusterId"]])


def restart_endpoint(scene: Scene) -> None:
    scene.running_step("featurize_images")
    scene.endpoint.restart()


def wait_in_featurize(scene: Scene) -> None:
    scene.befores["featurize_images"] = "wait_for_word()"


def protect(scene: Scene) -> None:
    step = scene.running_step("featurize_images")
    scene.emr.set_termination_protection(JobFlowIds=[step["ClusterId"]], TerminationProtected=True)
    scene.give_word()


def unprotect_and_reap(scene: Scene) -> None:
    """What the message says to do; the reaper then does the rest."""
    (cluster_id,) = scene.live_clusters()
    scene.emr.set_termination_protection(JobFlowIds=[cluster_id], TerminationProtected=False)
    scene.reap()


def _in_state(scene: Scene, state: str) -> bool:
    return any(cluster["Status"]["State"] == state for cluster in scene.clusters())


CLUSTER_FAULTS = (
    Fault("nothing at all", "success", is_control=True),
    Fault("bootstrap action fails", "failed", "EnvironmentMismatchError: no Python 3.11 here", prepare=fail_bootstrap),
    Fault(
        "cluster ends by itself during bootstrap",
        "failed",
        "ended before it took a step: USER_REQUEST",
        prepare=hang_in_bootstrap,
        strike=end_while_bootstrapping,
    ),
    Fault("cluster does not come up in time", "failed", "is still BOOTSTRAPPING after 5 s", prepare=limit_cluster),
    Fault(
        "cluster ends under a running step",
        "failed",
        "the cluster itself is TERMINAT",
        prepare=hang_in_featurize,
        strike=lose_cluster,
    ),
    Fault(
        "local endpoint killed and started again under a step",
        "failed",
        "the cluster itself is TERMINATED_WITH_ERRORS",
        prepare=hang_in_featurize,
        strike=restart_endpoint,
        needs_own_endpoint=True,
    ),
    Fault(
        "terminate refused: termination protection",
        "failed",
        "is protected from termination and goes on costing money",
        prepare=wait_in_featurize,
        strike=protect,
        afterwards=unprotect_and_reap,
        # The work was done and passed its audit; what failed is that the cluster goes on.
        published="new",
    ),
)

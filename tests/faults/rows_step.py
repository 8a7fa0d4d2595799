"""Faults of a step: it fails, hangs, is cancelled, or leaves things as they must not be."""

from tests.faults.fault import Fault
from tests.faults.rows_cluster import hang_in_featurize
from tests.faults.scene import Scene


def fail_at_once(scene: Scene) -> None:
    scene.befores["ingest_images"] = 'refuse("EmptySourceError: no photograph there")'


def fail_at_last(scene: Scene) -> None:
    scene.befores["reduce_features"] = 'time.sleep(8); refuse("SchemaMismatchError: a column is missing")'


def fail_by_signal(scene: Scene) -> None:
    scene.befores["featurize_images"] = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


def fill_disk(scene: Scene) -> None:
    scene.befores["featurize_images"] = 'import errno; raise OSError(errno.ENOSPC, "No space left on device")'


def lose_weights(scene: Scene) -> None:
    scene.befores["featurize_images"] = (
        'try: S3.head_object(**where(GIVEN["--models-uri"] + "/weights.h5"))\n'
        'except Exception: refuse("WeightsError: weights.h5 is not there; upload it")'
    )


def hang_past_limit(scene: Scene) -> None:
    hang_in_featurize(scene)
    scene.settings["FRUIT_FEATURES_FEATURIZE_IMAGES_TIME_LIMIT_S"] = "5"


def cancel_by_hand(scene: Scene) -> None:
    step = scene.running_step("featurize_images")
    scene.emr.cancel_steps(
        ClusterId=step["ClusterId"], StepIds=[step["Id"]], StepCancellationOption="TERMINATE_PROCESS"
    )


def fail_audit(scene: Scene) -> None:
    scene.befores["validate_run"] = 'refuse("ChecksFailedError: 1 hard check failed: pca_mean")'


def leave_no_statistics(scene: Scene) -> None:
    scene.befores["featurize_images"] = "raise SystemExit(0)"


def pass_no_audit(scene: Scene) -> None:
    scene.befores["validate_run"] = (
        'put(GIVEN["--report-uri"] + "/validation.json", {"verdict": "failed", "checks": [{"name": "pca_mean", '
        '"verdict": "failed"}]}); put(GIVEN["--stats-uri"], {}); raise SystemExit(0)'
    )


def take_a_while(scene: Scene) -> None:
    scene.befores["featurize_images"] = "time.sleep(3)"


STEP_FAULTS = (
    Fault("step fails at once", "failed", "is FAILED: EmptySourceError: no photograph there", prepare=fail_at_once),
    Fault("step fails after its work", "failed", "SchemaMismatchError: a column is missing", prepare=fail_at_last),
    Fault("step is killed, as for want of memory", "failed", "SIGKILL", prepare=fail_by_signal),
    Fault("disk of a node full", "failed", "No space left on device", prepare=fill_disk),
    Fault("weights object missing", "failed", "WeightsError: weights.h5 is not there", prepare=lose_weights),
    Fault("step hangs past its limit", "failed", "not end within 5 s, so it was cancelled", prepare=hang_past_limit),
    Fault("step cancelled by hand in EMR", "failed", "is CANCELLED", prepare=hang_in_featurize, strike=cancel_by_hand),
    Fault(
        "a stage leaves no statistics",
        "failed",
        "would read half of its data",
        prepare=leave_no_statistics,
    ),
    Fault("audit fails", "failed", "ChecksFailedError: 1 hard check failed", prepare=fail_audit),
    Fault(
        "report of a green audit says failed",
        "failed",
        "did not pass its audit",
        prepare=pass_no_audit,
    ),
    Fault("two runs at once", "success", prepare=take_a_while, runs=2),
)

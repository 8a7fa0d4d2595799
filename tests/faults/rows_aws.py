"""Faults of AWS itself: it throttles, breaks, and takes the credentials away."""

from tests.faults.fault import Fault
from tests.faults.proxy import Request
from tests.faults.scene import Scene


def of_emr(request: Request) -> bool:
    return not request.is_s3


def of_s3(request: Request) -> bool:
    return request.is_s3


def describing_a_step(request: Request) -> bool:
    return request.operation == "DescribeStep"


def making_a_cluster(request: Request) -> bool:
    return request.operation == "RunJobFlow"


def adding_a_step(request: Request) -> bool:
    return request.operation == "AddJobFlowSteps"


def throttle(scene: Scene) -> None:
    scene.refuse(of_emr, 400, "ThrottlingException", "Rate exceeded", seconds=60)


def answer_500(scene: Scene) -> None:
    scene.refuse(of_emr, 500, "InternalFailure", times=3)


def make_and_answer_500(scene: Scene) -> None:
    scene.refuse(making_a_cluster, 500, "InternalFailure", times=1, also_does=True)


def add_and_answer_500(scene: Scene) -> None:
    scene.refuse(
        lambda request: request.operation == "AddJobFlowSteps", 500, "InternalFailure", times=1, also_does=True
    )


def slow_down(scene: Scene) -> None:
    scene.refuse(of_s3, 503, "SlowDown", "Please reduce your request rate.", times=6)


def expire_for_a_while(scene: Scene) -> None:
    scene.befores["featurize_images"] = "time.sleep(6)"
    scene.refuse(describing_a_step, 400, "ExpiredTokenException", "The security token is expired", times=1)


def expire_for_good(scene: Scene) -> None:
    scene.befores["featurize_images"] = "time.sleep(300)"


def expire_now(scene: Scene) -> None:
    scene.running_step("featurize_images")
    scene.refuse(of_emr, 400, "ExpiredTokenException", "The security token included in the request is expired")


def renew_and_reap(scene: Scene) -> None:
    scene.proxy.rules.clear()
    scene.reap()


def fail_at_once(scene: Scene) -> None:
    scene.befores["ingest_images"] = 'refuse("EmptySourceError: no photograph there")'


AWS_FAULTS = (
    Fault("clock of the endpoint an hour ahead", "success", clock_ahead_s=3600),
    Fault(
        "clock an hour ahead, and a step fails",
        "failed",
        "EmptySourceError: no photograph there",
        prepare=fail_at_once,
        clock_ahead_s=3600,
    ),
    Fault("EMR throttles for a minute", "success", prepare=throttle),
    Fault("EMR answers 500 three times", "success", prepare=answer_500),
    Fault("EMR makes a cluster and answers 500", "success", prepare=make_and_answer_500),
    Fault("EMR adds a step and answers 500", "success", prepare=add_and_answer_500),
    Fault("S3 answers 503 SlowDown", "success", prepare=slow_down),
    Fault("credentials expire and are renewed", "success", prepare=expire_for_a_while),
    Fault(
        "credentials expire for good",
        "failed",
        "ExpiredTokenException",
        prepare=expire_for_good,
        strike=expire_now,
        afterwards=renew_and_reap,
    ),
)

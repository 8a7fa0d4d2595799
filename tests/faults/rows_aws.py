"""Faults of AWS itself: it throttles, breaks, and takes the credentials away."""

import json
import socket
from contextlib import ExitStack

from tests.faults.fault import Fault
from tests.faults.proxy import Refusal, Request, Rule
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


class OneKeyRefused(Refusal):
    """The answer to a deletion of many objects, of which one could not be deleted."""

    def body(self, request: Request) -> bytes:
        error = f"<Key>runs/run/stats/ingest_images.json</Key><Code>{self.code}</Code><Message>{self.message}</Message>"
        return f"<DeleteResult><Error>{error}</Error></DeleteResult>".encode()


def refuse_deletion(scene: Scene) -> None:
    refusal = OneKeyRefused(200, "AccessDenied", "told by a test")
    scene.proxy.rules.append(Rule(lambda request: request.operation == "S3 POST", refusal))


def keep_three_and_wait(scene: Scene) -> None:
    scene.settings["FRUIT_FEATURES_KEEP_SNAPSHOTS"] = "3"
    scene.befores["ingest_images"] = "wait_for_word()"


def publish_by_wrong_clock(scene: Scene) -> None:
    """Two snapshots by a clock that is years ahead, and after them one by an honest clock."""
    scene.running_step("ingest_images")
    previous = scene.snapshot_of(scene.published())
    for run, year in (("ahead-1", 2040), ("ahead-2", 2040), ("honest", 2026)):
        run_uri, at = f"s3://{scene.bucket}/runs/{run}", f"{year}-01-01T00:00:00Z"
        snapshot = {"snapshot": run, "run": run, "run_uri": run_uri, "published_at": at, "previous": previous}
        for key, body in ((f"runs/{run}/a", b""), *((f"published/{name}.json", snapshot) for name in (run, "latest"))):
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            scene.s3.put_object(Bucket=scene.bucket, Key=key, Body=content)
        previous = run
    scene.give_word()


def see_who_is_gone(scene: Scene) -> None:
    left = [run for run in ("ahead-1", "ahead-2", "honest") if scene.has_object(f"s3://{scene.bucket}/runs/{run}/")]
    assert left == ["ahead-2", "honest"]


def send_halves(scene: Scene) -> None:
    """Requests of which the rest never comes: to EMR, to a bucket's settings, and 64 photographs."""
    halves = [
        "POST / HTTP/1.1\r\nX-Amz-Target: ElasticMapReduce.ListClusters\r\nContent-Type: application/x-amz-json-1.1",
        "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded",
        f"PUT /{scene.bucket}?notification HTTP/1.1",
        *(f"PUT /{scene.bucket}/landing/{number}.jpg HTTP/1.1" for number in range(64)),
    ]
    with ExitStack() as stack:
        for half in halves:
            to_endpoint = stack.enter_context(socket.create_connection(("127.0.0.1", scene.endpoint.port), 10))
            to_endpoint.sendall(f"{half}\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{{".encode())
        scene.wait_for("the run to publish", lambda: scene.published() != scene.old_snapshot)


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
    Fault(
        "S3 refuses single deletions",
        "failed",
        r"runs/run/stats/ingest_images.json: AccessDenied .*does the role have s3:DeleteObject",
        prepare=refuse_deletion,
    ),
    Fault(
        "earlier snapshots by a clock that is years ahead",
        "success",
        prepare=keep_three_and_wait,
        strike=publish_by_wrong_clock,
        afterwards=see_who_is_gone,
    ),
    Fault("half-sent requests to the endpoint", "success", strike=send_halves, needs_own_endpoint=True),
    Fault("credentials expire and are renewed", "success", prepare=expire_for_a_while),
    Fault(
        "credentials expire for good",
        "failed",
        "ExpiredTokenException",
        prepare=expire_for_good,
        strike=expire_now,
        afterwards=renew_and_reap,
        tells_nobody=True,
    ),
)

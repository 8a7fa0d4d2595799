"""Break one thing at a time: the run ends as it must, nothing is left running, nothing half done is published."""

from collections.abc import Mapping
from concurrent.futures import Future, wait

import pytest

from local_aws.emr.node.offline import is_possible
from tests.faults.fault import Fault
from tests.faults.playing import ASKED, Row
from tests.faults.rows import FAULTS
from tests.faults.table import Table
from tests.infra.stack import AIRFLOW, NODES, policy_of


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_as_it_must(fault: Fault, rows_under_way: Mapping[str, Future[Row]], table: Table) -> None:
    if "offline_steps=1" in fault.hard and not is_possible():
        pytest.skip("this user may not make a network namespace by unshare")
    table.add(*rows_under_way[fault.name].result())


EXCEPTIONS = {
    AIRFLOW: {
        "elasticmapreduce:PutManagedScalingPolicy": "RunJobFlow of a cluster of the size auto asks for it",
        "iam:CreateServiceLinkedRole": "EMR asks for it, with the rights of who calls RunJobFlow",
        "iam:PassRole": "EMR asks for it, with the rights of who calls RunJobFlow",
        "kms:Decrypt": "S3 asks for it, where labels lie under a key of their own",
        "sqs:DeleteMessage": "fruit_images_landed listens to the queue: tests/faults/test_arrivals.py",
        "sqs:ReceiveMessage": "fruit_images_landed listens to the queue: tests/faults/test_arrivals.py",
    },
    NODES: {
        "kms:Decrypt": "S3 asks for it, where photographs or weights lie under a key of their own",
        "s3:AbortMultipartUpload": "an upload in parts that fails asks for it",
        "s3:GetBucketLocation": "EMR's own S3A asks for it; here Spark reads and writes files",
        "s3:ListBucketMultipartUploads": "EMR's own S3A asks for it; here Spark reads and writes files",
        "s3:ListMultipartUploadParts": "EMR's own S3A asks for it; here Spark reads and writes files",
    },
}
"""Actions that the stack allows and that no row needs, by whose they are, with the reason why they are allowed."""


def test_no_action_is_allowed_that_nobody_needs(rows_under_way: Mapping[str, Future[Row]]) -> None:
    if len(rows_under_way) < len(FAULTS):
        pytest.skip("only some of the rows were asked for")
    wait(rows_under_way.values())
    for who, exceptions in EXCEPTIONS.items():
        actions = [one["Action"] for one in policy_of(who, "any")]
        allowed = {action for some in actions for action in ([some] if isinstance(some, str) else some)}
        assert allowed - ASKED[who] == set(exceptions), who

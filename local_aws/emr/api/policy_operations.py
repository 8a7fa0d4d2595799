"""The API's operations on policies: auto-termination, which works, and managed scaling, which is only kept."""

from __future__ import annotations

from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.state.limits import DEFAULT_IDLE_TIMEOUT_S, check_auto_termination, check_managed_scaling
from local_aws.emr.state.records import JsonObject


def put_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    policy = {"IdleTimeout": DEFAULT_IDLE_TIMEOUT_S} | request.get("AutoTerminationPolicy", {})
    check_auto_termination(policy)
    with backend.cluster(request["ClusterId"]).change_living() as record:
        record.auto_termination_policy = policy
    return {}


def get_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    policy = backend.cluster(request["ClusterId"]).record.auto_termination_policy
    return {"AutoTerminationPolicy": policy} if policy else {}


def remove_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    with backend.cluster(request["ClusterId"]).change_living() as record:
        record.auto_termination_policy = None
    return {}


def put_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    check_managed_scaling(request["ManagedScalingPolicy"])
    with backend.cluster(request["ClusterId"]).change_living() as record:
        record.managed_scaling_policy = request["ManagedScalingPolicy"]
    return {}


def get_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    policy = backend.cluster(request["ClusterId"]).record.managed_scaling_policy
    return {"ManagedScalingPolicy": policy} if policy else {}


def remove_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    with backend.cluster(request["ClusterId"]).change_living() as record:
        record.managed_scaling_policy = None
    return {}


OPERATIONS = {
    "GetAutoTerminationPolicy": get_auto_termination_policy,
    "GetManagedScalingPolicy": get_managed_scaling_policy,
    "PutAutoTerminationPolicy": put_auto_termination_policy,
    "PutManagedScalingPolicy": put_managed_scaling_policy,
    "RemoveAutoTerminationPolicy": remove_auto_termination_policy,
    "RemoveManagedScalingPolicy": remove_managed_scaling_policy,
}

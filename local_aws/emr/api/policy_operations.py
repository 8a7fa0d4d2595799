"""The API's operations on policies: auto-termination, which works, and managed scaling, which is only kept."""

from __future__ import annotations

from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.state.limits import DEFAULT_IDLE_TIMEOUT_S, check_auto_termination, check_managed_scaling
from local_aws.emr.state.records import JsonObject


def put_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    policy = {"IdleTimeout": DEFAULT_IDLE_TIMEOUT_S} | request.get("AutoTerminationPolicy", {})
    check_auto_termination(policy)
    return _set(backend, request, "auto_termination_policy", policy)


def get_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    policy = backend.cluster(request["ClusterId"]).record.auto_termination_policy
    return {"AutoTerminationPolicy": policy} if policy else {}


def remove_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _set(backend, request, "auto_termination_policy", None)


def put_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    check_managed_scaling(request["ManagedScalingPolicy"])
    return _set(backend, request, "managed_scaling_policy", request["ManagedScalingPolicy"])


def get_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    policy = backend.cluster(request["ClusterId"]).record.managed_scaling_policy
    return {"ManagedScalingPolicy": policy} if policy else {}


def remove_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _set(backend, request, "managed_scaling_policy", None)


def _set(backend: LocalEmrBackend, request: JsonObject, field: str, policy: JsonObject | None) -> JsonObject:
    with backend.cluster(request["ClusterId"]).change_living() as record:
        setattr(record, field, policy)
    return {}

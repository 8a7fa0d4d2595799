"""The API's operations on policies: auto-termination, which works, and managed scaling, which is only kept."""

from __future__ import annotations

from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.state.limits import DEFAULT_IDLE_TIMEOUT_S, check_auto_termination, check_managed_scaling
from local_aws.emr.state.records import JsonObject

_AUTO_TERMINATION, _MANAGED_SCALING = "AutoTerminationPolicy", "ManagedScalingPolicy"


def put_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    policy = {"IdleTimeout": DEFAULT_IDLE_TIMEOUT_S} | request.get(_AUTO_TERMINATION, {})
    check_auto_termination(policy)
    return _put(backend, request, _AUTO_TERMINATION, policy)


def get_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return backend.cluster(request["ClusterId"]).record.settings


def remove_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _put(backend, request, _AUTO_TERMINATION, None)


def put_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    check_managed_scaling(request[_MANAGED_SCALING])
    return _put(backend, request, _MANAGED_SCALING, request[_MANAGED_SCALING])


def get_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return backend.cluster(request["ClusterId"]).record.settings


def remove_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _put(backend, request, _MANAGED_SCALING, None)


def _put(backend: LocalEmrBackend, request: JsonObject, name: str, policy: JsonObject | None) -> JsonObject:
    with backend.cluster(request["ClusterId"]).change_living() as record:
        record.settings[name] = policy
    return {}

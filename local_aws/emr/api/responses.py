"""EMR's API: which function answers an operation, and how its request is checked."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore import xform_name
from botocore.validate import ParamValidator
from moto.core.common_types import TYPE_RESPONSE
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model
from moto.emr.exceptions import InvalidRequestException, ValidationException
from moto.emr.models import emr_backends
from moto.emr.responses import ElasticMapReduceResponse
from pydantic_core import from_json

from local_aws.emr.api import cluster_operations, instance_operations, step_operations
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.state.records import JsonObject

PAGE_SIZE = 50

Operation = Callable[[LocalEmrBackend, JsonObject], JsonObject]

OPERATIONS: Mapping[str, Operation] = {
    name: getattr(module, xform_name(name))
    for module in (cluster_operations, step_operations, instance_operations)
    for name in get_service_model("emr").operation_names
    if hasattr(module, xform_name(name))
}
"""The functions of the `*_operations` modules that are named as operations of EMR.

Each takes a request whose shape has been checked, and returns the members of the answer, of which moto's serializer
keeps those that the answer's shape has.
"""

MOTO_OPERATIONS = frozenset(
    {
        "CreateSecurityConfiguration", "DeleteSecurityConfiguration", "DescribeSecurityConfiguration",
        "GetBlockPublicAccessConfiguration", "ListReleaseLabels", "ListSupportedInstanceTypes",
        "PutBlockPublicAccessConfiguration",
    }
)  # fmt: skip
"""The operations that moto answers well enough."""


class EmrResponse(ElasticMapReduceResponse):
    """One request. Whatever is wrong with it is an error of the caller, and never a 500."""

    PROTOCOL_PARSER_MAP_TYPE = dict  # type: ignore[assignment]
    get_region_from_url = BaseResponse.get_region_from_url  # that of moto's EMR finds no region in a local address

    @property
    def backend(self) -> LocalEmrBackend:
        backend = emr_backends[self.current_account][self.region]
        assert isinstance(backend, LocalEmrBackend)
        return backend

    def _dispatch(self, request: Any, full_url: str | None = None, headers: Any = None) -> TYPE_RESPONSE:
        action = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        try:
            body = self._checked(action, request.get_data())
        except ServiceException as error:
            return _refusal(error)
        self.setup_class(request, full_url, headers)
        if action in MOTO_OPERATIONS:
            return self.call_action()
        try:
            answer = OPERATIONS[action](self.backend, body)
            if action.startswith("List"):
                answer = _page(answer, body.get("Marker"))
            return self.serialized(ActionResult(answer))
        except ServiceException as error:
            return _refusal(error)

    @staticmethod
    def _checked(action: str, data: bytes) -> JsonObject:
        """Return the members of a request, and raise what EMR answers when they are not what the operation takes."""
        if action not in OPERATIONS and action not in MOTO_OPERATIONS:
            raise ServiceException(
                "UnknownOperationException",
                f"The local endpoint does not offer EMR's operation {action}. It offers: "
                f"{', '.join(sorted([*OPERATIONS, *MOTO_OPERATIONS]))}.",
            )
        try:
            # This parser refuses what is nested so deeply that the checks would recurse too far.
            body: JsonObject = from_json(data or b"{}")
        except ValueError as error:
            raise ServiceException("SerializationException", f"The request's body is not JSON: {error}") from error
        if shape := get_service_model("emr").operation_model(action).input_shape:
            report = ParamValidator().validate(body, shape)
            if report.has_errors():
                raise ValidationException(f"{action}: {report.generate_report()}")
        return body


def _page(answer: JsonObject, marker: str | None) -> JsonObject:
    """Return the part of a list that follows the marker, and the marker of the next page if there is one."""
    [(name, members)] = answer.items()
    keys = [member.get("Id") or member["Name"] for member in members]
    if marker and marker not in keys:
        raise InvalidRequestException(f"The marker {marker!r} is not valid.")
    start = keys.index(marker) + 1 if marker else 0
    is_last = start + PAGE_SIZE >= len(members)
    return {name: members[start : start + PAGE_SIZE], "Marker": None if is_last else keys[start + PAGE_SIZE - 1]}


def _refusal(error: ServiceException) -> TYPE_RESPONSE:
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amzn-Errortype": error.code}
    return 400, headers, json.dumps({"__type": error.code, "Message": error.message})

"""The EMR API: each operation reads its request, and answers in EMR's shapes."""

from __future__ import annotations

import json
from typing import Any

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model
from moto.emr.models import emr_backends
from moto.emr.responses import ElasticMapReduceResponse

from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.api.operations import OPERATIONS
from local_aws.emr.errors import MalformedRequestError, ServiceException, UnknownOperationError
from local_aws.emr.state.limits import check_shape

MOTO_OPERATIONS = {
    "CreateSecurityConfiguration": ElasticMapReduceResponse.create_security_configuration,
    "DeleteSecurityConfiguration": ElasticMapReduceResponse.delete_security_configuration,
    "DescribeSecurityConfiguration": ElasticMapReduceResponse.describe_security_configuration,
    "GetBlockPublicAccessConfiguration": ElasticMapReduceResponse.get_block_public_access_configuration,
    "ListReleaseLabels": ElasticMapReduceResponse.list_release_labels,
    "ListSupportedInstanceTypes": ElasticMapReduceResponse.list_supported_instance_types,
    "PutBlockPublicAccessConfiguration": ElasticMapReduceResponse.put_block_public_access_configuration,
}
"""What moto does well enough; everything else about clusters is ours."""


class EmrResponse(ElasticMapReduceResponse):
    """One request. Whatever is wrong with it is the caller's error, and never a 500."""

    PROTOCOL_PARSER_MAP_TYPE = dict  # type: ignore[assignment]
    get_region_from_url = BaseResponse.get_region_from_url  # moto's own finds no region in a local endpoint's address

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
        except ServiceException as error:
            return _refusal(error)
        return 200, _HEADERS, json.dumps(answer)

    @staticmethod
    def _checked(action: str, data: bytes) -> dict[str, Any]:
        """The request's members, once they are known to be what the operation takes."""
        service = get_service_model("emr")
        if action not in service.operation_names:
            raise UnknownOperationError(f"EMR has no operation {action!r}.")
        if action not in OPERATIONS and action not in MOTO_OPERATIONS:
            raise UnknownOperationError(
                f"The local endpoint does not offer EMR's operation {action}. It offers: "
                f"{', '.join(sorted([*OPERATIONS, *MOTO_OPERATIONS]))}."
            )
        try:
            body = json.loads(data or b"{}")
        except ValueError as error:
            raise MalformedRequestError(f"The request's body is not JSON: {error}") from error
        check_shape(body, service.operation_model(action))
        members: dict[str, Any] = body
        return members


_HEADERS = {"Content-Type": "application/x-amz-json-1.1"}


def _refusal(error: ServiceException) -> TYPE_RESPONSE:
    body = json.dumps({"__type": error.code, "Message": error.message})
    return 400, {**_HEADERS, "X-Amzn-Errortype": error.code}, body

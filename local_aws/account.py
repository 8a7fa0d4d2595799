"""What an account on AWS has and moto's does not: EC2's quotas of vCPUs, and Spot's role under its own name."""

import json
from typing import Any

from moto.iam.models import SERVICE_NAME_CONVERSION
from moto.servicequotas import urls
from moto.servicequotas.models import ServiceQuotasBackend, servicequotas_backends
from moto.servicequotas.responses import ServiceQuotasResponse

VCPUS_OF_A_NEW_ACCOUNT = 5.0
QUOTAS = {
    "L-1216C47A": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    "L-34B43A08": "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
}


class Quotas(ServiceQuotasBackend):
    """Backend with the quotas of a new account, which grants each increase at once."""

    # moto looks for the addresses next to the module of the class.
    _url_module = urls

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.vcpus = dict.fromkeys(QUOTAS, VCPUS_OF_A_NEW_ACCOUNT)

    def get_service_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        if service_code != "ec2" or quota_code not in self.vcpus:
            return super().get_service_quota(service_code, quota_code)
        named = {"ServiceCode": service_code, "QuotaCode": quota_code, "QuotaName": QUOTAS[quota_code]}
        return {**named, "Value": self.vcpus[quota_code], "Adjustable": True}


def _request_increase(response: ServiceQuotasResponse) -> str:
    """Answer RequestServiceQuotaIncrease; raise moto's NoSuchResource for a quota that is not known here."""
    asked = json.loads(response.body)
    quota = response.backend.get_service_quota(asked["ServiceCode"], asked["QuotaCode"])
    if isinstance(response.backend, Quotas):
        response.backend.vcpus[asked["QuotaCode"]] = asked["DesiredValue"]
    return json.dumps({"RequestedQuota": {**quota, "DesiredValue": asked["DesiredValue"], "Status": "APPROVED"}})


def install() -> None:
    """Put them in their places. It has to be done before the first request: moto keeps its backends."""
    SERVICE_NAME_CONVERSION["spot"] = "EC2Spot"
    servicequotas_backends.clear()
    servicequotas_backends.backend = Quotas
    ServiceQuotasResponse.request_service_quota_increase = _request_increase  # type: ignore[attr-defined]

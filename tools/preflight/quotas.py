"""How many vCPUs the account may run at once, and for which sizes of cluster they are enough."""

from collections.abc import Callable, Iterator

from emr_pipeline.run.cost_forecast import VCPUS
from run_contract.cluster_sizes import SIZES, ClusterSize
from tools.preflight.account import Account
from tools.preflight.finding import Finding

# r6i and r7i are "standard" instances; the primary node is on demand, as the core nodes are.
QUOTAS: dict[str, tuple[str, Callable[[ClusterSize], int]]] = {
    "vCPUs on demand": ("L-1216C47A", lambda size: VCPUS * (1 + size.core)),
    "vCPUs of Spot": ("L-34B43A08", lambda size: VCPUS * size.spot_task),
}


def quotas(account: Account) -> Iterator[Finding]:
    """Compare the quotas with the size of a run whose form is left empty; the text says of the other sizes, too."""
    service, wanted = account.client("service-quotas"), account.params["cluster_size"]
    for subject, (quota, needed) in QUOTAS.items():
        limit = service.get_service_quota(ServiceCode="ec2", QuotaCode=quota)["Quota"]["Value"]
        sizes = ", ".join(f"{name} takes {needed(size)}" for name, size in SIZES.items())
        text = f"{limit:g} for all that runs in {account.region}; {sizes}"
        is_enough = limit >= needed(SIZES[wanted])
        command = (
            "aws service-quotas request-service-quota-increase --service-code ec2 "
            f"--quota-code {quota} --desired-value {needed(SIZES[wanted])}"
        )
        yield Finding(subject, text, () if is_enough else (command,))

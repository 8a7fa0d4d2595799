"""Whose rights a run needs: the roles of EMR, nodes, Spot and Airflow, and what secures the nodes."""

from collections.abc import Iterator

from emr_pipeline.s3.objects import unless_missing
from run_contract.cluster_sizes import SIZES
from tools.preflight.account import STACK_COMMAND, Account
from tools.preflight.finding import Finding

SPOT_ROLE = "AWSServiceRoleForEC2Spot"
SPOT_COMMAND = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
MISSING = frozenset({"NoSuchEntity", "InvalidRequestException"})


def roles(account: Account) -> Iterator[Finding]:
    iam, settings = account.client("iam"), account.settings
    # A stack's outputs name a role; a setting may also be an ARN.
    service_role, profile = (name.rpartition("/")[2] for name in (settings.service_role, settings.instance_profile))
    if unless_missing(iam.get_role, MISSING, RoleName=service_role):
        yield Finding("role of EMR", service_role)
    else:
        yield Finding("role of EMR", f"there is no role {service_role}: make the stack", (STACK_COMMAND,))
    found = unless_missing(iam.get_instance_profile, MISSING, InstanceProfileName=profile)
    if found and found["InstanceProfile"]["Roles"]:
        yield Finding("role of the nodes", f"{found['InstanceProfile']['Roles'][0]['RoleName']}, in {profile}")
    else:
        text = f"the instance profile {profile} {'has no role' if found else 'is not there'}: make the stack"
        yield Finding("role of the nodes", text, (STACK_COMMAND,))


def spot_role(account: Account) -> Iterator[Finding]:
    if unless_missing(account.client("iam").get_role, MISSING, RoleName=SPOT_ROLE):
        yield Finding("role of Spot", SPOT_ROLE)
    elif SIZES[account.params["cluster_size"]].spot_task:
        text = f"there is no {SPOT_ROLE}, and EMR may not make it; the cluster has Spot nodes"
        yield Finding("role of Spot", text, (SPOT_COMMAND,))
    else:
        sizes = ", ".join(name for name, size in SIZES.items() if size.spot_task)
        yield Finding("role of Spot", f"there is none; a cluster of these sizes needs one: {sizes}")


def airflow_policy(account: Account) -> Iterator[Finding]:
    """Ask who has the stack's policy for Airflow; without a stack nobody knows which policy that is."""
    arn = account.airflow_policy
    if arn is None:
        return
    iam = account.client("iam")
    pages = iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn, EntityFilter="Role")
    names = [role["RoleName"] for page in pages for role in page["PolicyRoles"]]
    if names:
        yield Finding("rights of Airflow", f"{arn.rpartition('/')[2]} is attached to {', '.join(names)}")
    else:
        command = f"aws iam attach-role-policy --role-name <role of Airflow> --policy-arn {arn}"
        yield Finding("rights of Airflow", "no role has the stack's policy: attach it to Airflow's", (command,))


def encryption(account: Account) -> Iterator[Finding]:
    name = account.settings.security_configuration
    if name is None:
        text = "no security configuration is set: disks are not encrypted, and the old metadata service answers, too"
        yield Finding("security", text, (STACK_COMMAND,))
    elif unless_missing(account.client("emr").describe_security_configuration, MISSING, Name=name):
        yield Finding("security", name)
    else:
        yield Finding("security", f"EMR has no security configuration {name}: make the stack", (STACK_COMMAND,))

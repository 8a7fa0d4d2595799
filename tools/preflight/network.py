"""Where a cluster's machines stand: subnets, their way to S3, security groups, and the machines sold there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from emr_pipeline.emr.job_flow import UNITS_OF_SIZES, instance_family
from emr_pipeline.s3.objects import error_code
from tools.preflight.account import STACK_COMMAND, TAG, TAG_COMMAND, Account
from tools.preflight.finding import Finding

SUBNETS_COMMAND = "export FRUIT_FEATURES_SUBNET_IDS=<subnet>,<subnet>"


def network(account: Account) -> Iterator[Finding]:
    """Ask for the subnets, and, if they are there, for what depends on them."""
    ec2, wanted = account.client("ec2"), account.settings.subnet_ids
    if not wanted:
        yield Finding("subnets", "FRUIT_FEATURES_SUBNET_IDS names none, so EMR would choose any", (SUBNETS_COMMAND,))
        return
    try:
        subnets = ec2.describe_subnets(SubnetIds=list(wanted))["Subnets"]
    except ClientError as error:
        if not error_code(error).startswith("InvalidSubnet"):
            raise
        yield Finding("subnets", error.response["Error"]["Message"], (SUBNETS_COMMAND,))
        return
    yield _subnets(subnets)
    yield _route_to_s3(account, ec2, subnets)
    yield _machines(account, ec2, subnets)
    yield _security_groups(account, ec2, {subnet["VpcId"] for subnet in subnets})


def _subnets(subnets: Sequence[Any]) -> Finding:
    ids = [subnet["SubnetId"] for subnet in subnets]
    vpcs = sorted({subnet["VpcId"] for subnet in subnets})
    if len(vpcs) > 1:
        return Finding("subnets", f"they are in several VPCs, {', '.join(vpcs)}: name some of one", (SUBNETS_COMMAND,))
    untagged = [subnet["SubnetId"] for subnet in subnets if not _has_tag(subnet)]
    if untagged:
        text = f"EMR may not start machines in {', '.join(untagged)}, which lack the tag {TAG}"
        return Finding("subnets", text, (f"{TAG_COMMAND} {' '.join(untagged)}",))
    return Finding("subnets", f"{', '.join(ids)} in {vpcs[0]}, with EMR's tag")


def _has_tag(thing: Mapping[str, Any]) -> bool:
    return {"Key": TAG, "Value": "true"} in thing.get("Tags", [])


def _route_to_s3(account: Account, ec2: Any, subnets: Sequence[Any]) -> Finding:
    """Return whether S3 is reached by an endpoint of the VPC; every other way costs for each byte, or leads nowhere."""
    vpc, service = subnets[0]["VpcId"], f"com.amazonaws.{account.region}.s3"
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    tables = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    served = [{"Name": "service-name", "Values": [service]}]
    endpoints = ec2.describe_vpc_endpoints(Filters=of_vpc + served)["VpcEndpoints"]
    usable = [endpoint for endpoint in endpoints if endpoint["State"].lower() == "available"]
    if any(endpoint["VpcEndpointType"] == "Interface" and endpoint.get("PrivateDnsEnabled") for endpoint in usable):
        return Finding("way to S3", "an interface endpoint of the VPC, which costs for each byte")
    led = {table for endpoint in usable for table in endpoint.get("RouteTableIds", [])}
    table_of = {subnet["SubnetId"]: _table(subnet["SubnetId"], tables) for subnet in subnets}
    others = {name: table for name, table in table_of.items() if table["RouteTableId"] not in led}
    if not others:
        return Finding("way to S3", f"the gateway endpoint of {vpc}, which costs nothing")
    text = "; ".join(f"{name} {_way(table)}" for name, table in others.items())
    ids = " ".join(dict.fromkeys(table["RouteTableId"] for table in others.values()))
    create = f"aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name {service} --route-table-ids {ids}"
    return Finding("way to S3", f"{text}. A gateway endpoint costs nothing", (create,))


def _table(subnet: str, tables: Iterable[Any]) -> Any:
    """Return the route table of a subnet: its own, else the main one of the VPC."""
    own = [table for table in tables if any(one.get("SubnetId") == subnet for one in table["Associations"])]
    return (own or [table for table in tables if any(one.get("Main") for one in table["Associations"])])[0]


def _way(table: Any) -> str:
    out = [route for route in table["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
    if any(route.get("NatGatewayId") for route in out):
        return "reaches S3 through a NAT gateway, where each photograph costs"
    return "reaches S3 through the internet" if out else "does not reach S3"


def _machines(account: Account, ec2: Any, subnets: Sequence[Any]) -> Finding:
    family = instance_family(account.params)
    types = [f"{family}.{size}" for size in UNITS_OF_SIZES]
    offered: dict[str, set[str]] = {zone: set() for zone in sorted({subnet["AvailabilityZone"] for subnet in subnets})}
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": types}]
    )
    for page in pages:
        for offer in page["InstanceTypeOfferings"]:
            offered.get(offer["Location"], set()).add(offer["InstanceType"])
    without = [f"{zone} has no {kind}" for zone, there in offered.items() for kind in types if kind not in there]
    if without:
        return Finding("machines", f"{'; '.join(without)}: name subnets of other zones", (SUBNETS_COMMAND,))
    return Finding("machines", f"{' and '.join(types)} in {', '.join(offered)}")


def _security_groups(account: Account, ec2: Any, vpcs: set[str]) -> Finding:
    wanted = account.settings.security_group_ids
    if not wanted:
        text = "FRUIT_FEATURES_SECURITY_GROUP_IDS names none, and EMR may make its own only in a VPC with its tag"
        return Finding("security groups", text, (STACK_COMMAND,))
    try:
        groups = ec2.describe_security_groups(GroupIds=list(wanted))["SecurityGroups"]
    except ClientError as error:
        if not error_code(error).startswith("InvalidGroup"):
            raise
        return Finding("security groups", error.response["Error"]["Message"], (STACK_COMMAND,))
    strange = [group["GroupId"] for group in groups if group["VpcId"] not in vpcs]
    if strange:
        return Finding("security groups", f"{', '.join(strange)} are of another VPC than the subnets", (STACK_COMMAND,))
    untagged = [group["GroupId"] for group in groups if not _has_tag(group)]
    if untagged:
        text = f"EMR may not use {', '.join(untagged)}, which lack the tag {TAG}"
        return Finding("security groups", text, (f"{TAG_COMMAND} {' '.join(untagged)}",))
    return Finding("security groups", ", ".join(wanted))

"""The request of EMR's RunJobFlow for a run's cluster, sized by the param `cluster_size`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.wheels import lock_of
from emr_pipeline.settings import NO_WHEELS, Settings
from run_contract.backbones import MIXED
from run_contract.cluster_sizes import SIZES, ClusterSize

# In the order of the setting.
SECURITY_GROUPS = ("EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup")

DAG_TAG = "fruit-features:dag"
RUN_TAG = "fruit-features:run"
BUCKET_TAG = "fruit-features:bucket"
DEPLOYMENT_TAG = "fruit-features:deployment"
LONGEST_NAME_OF_EMR = 256

# All nodes of a cluster have one generation of processors, else the last digits of vectors would differ between nodes.
# r7i has AVX512_BF16 and AMX, which bfloat16 needs; r6i has neither.
INSTANCE_FAMILIES = {"float32": "r6i", "bfloat16": "r7i", MIXED: "r7i"}
# A unit of a fleet's capacity is 4 vCPU and 32 GiB, where one executor fits. Of the larger ones, each counts twice, so
# that a fleet finds capacity.
UNITS_OF_SIZES = {"xlarge": 1, "2xlarge": 2}
# The jobs' environment takes 2.2 GB with TensorFlow, and a step's log and scripts lie next to it.
ROOT_VOLUME_GIB = 40

# One executor for each unit. Python workers live outside the JVM's heap: four of them, each with its own network, need
# most of the 23,424 MiB that YARN has on an xlarge; the rest is for the application master.
SPARK_DEFAULTS = {
    "spark.executor.cores": "4",
    "spark.executor.memory": "6g",
    "spark.executor.memoryOverhead": "14g",
    "spark.driver.memory": "8g",
    "spark.driver.maxResultSize": "4g",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # What Spark shuffles are narrow rows of about 100 bytes: 64 MB a partition at ten million. With its default of 200,
    # counting the ids of 15,000 images took 7.7 s, with 8 of them 1.3 s.
    "spark.sql.shuffle.partitions": "16",
}
# When a Spot node is lost, Spark repeats the work of its executor; if the application master was there, the whole step
# would be lost. EMR 6 and later place it on any node unless told otherwise.
MASTER_ON_CORE = {
    "yarn.node-labels.enabled": "true",
    "yarn.node-labels.am.default-node-label-expression": "CORE",
}


def instance_family(params: Mapping[str, Any]) -> str:
    """Return the family of instances that a run's nodes are of."""
    return INSTANCE_FAMILIES[params["precision"]]


@dataclass(frozen=True)
class ClusterChoice:
    """What decides a cluster, besides the settings: what the run asks for, and the region where it is made."""

    size: ClusterSize
    family: str
    lock: str
    region: str

    @classmethod
    def of(cls, params: Mapping[str, Any], region: str) -> "ClusterChoice":
        """Return the choice of a run by its params."""
        return cls(SIZES[params["cluster_size"]], instance_family(params), lock_of(params), region)


def name_prefix(bucket: str) -> str:
    """Return the beginning of the names of a deployment's clusters, which looks at no others."""
    return f"fruit_features {bucket} "


def cluster_name(layout: RunLayout) -> str:
    """Return the name of a run's cluster, by which a search narrows down; the tags decide.

    >>> cluster_name(RunLayout("pictures", "november"))
    'fruit_features pictures november'
    """
    return f"{name_prefix(layout.bucket)}{layout.run}"[:LONGEST_NAME_OF_EMR]


def deployment_tags(settings: Settings) -> dict[str, str]:
    """Return the tags of every cluster of this deployment: two may share an account, and even a bucket."""
    return {BUCKET_TAG: settings.bucket, DEPLOYMENT_TAG: settings.deployment}


def cluster_tags(settings: Settings, dag_id: str, run_id: str) -> dict[str, str]:
    """Return the tags by which a DAG run finds its own cluster, and EMR's managed policy its permission."""
    return {
        "for-use-with-amazon-emr-managed-policies": "true",
        DAG_TAG: dag_id,
        RUN_TAG: run_id,
        **deployment_tags(settings),
    }


def job_flow(
    settings: Settings,
    layout: RunLayout,
    tags: dict[str, str],
    code_uri: str,
    scripts: Sequence[str],
    choice: ClusterChoice,
) -> dict[str, Any]:
    """Return the request for a cluster that takes one step at a time and ends by itself when it is idle.

    `scripts` are the names of the staged bootstrap scripts, in the order in which they run.
    """
    security = settings.security_configuration
    lock_uri = f"{code_uri}/bootstrap/{choice.lock}"
    arguments = [settings.node_venv, lock_uri, settings.wheels_uri or NO_WHEELS, choice.region]
    return {
        "Name": cluster_name(layout),
        "ReleaseLabel": settings.release_label,
        "Applications": [{"Name": "Spark"}],
        "LogUri": f"{layout.uri('logs')}/",
        "ServiceRole": settings.service_role,
        "JobFlowRole": settings.instance_profile,
        "VisibleToAllUsers": True,
        "StepConcurrencyLevel": 1,
        "AutoTerminationPolicy": {"IdleTimeout": settings.keep_alive_s},
        "EbsRootVolumeSize": ROOT_VOLUME_GIB,
        "Instances": {
            "InstanceFleets": instance_fleets(choice, bool(settings.on_demand_for_spot)),
            "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": False,
            **_network(settings),
        },
        "BootstrapActions": [_bootstrap_action(f"{code_uri}/bootstrap", script, arguments) for script in scripts],
        "Configurations": configurations(settings.node_venv, choice),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        **({"SecurityConfiguration": security} if security else {}),
        **({"ManagedScalingPolicy": managed_scaling(choice.size)} if choice.size.is_scaled else {}),
    }


def _bootstrap_action(folder_uri: str, script: str, arguments: list[str]) -> dict[str, Any]:
    action = {"Path": f"{folder_uri}/{script}", "Args": arguments}
    return {"Name": script.removesuffix(".sh"), "ScriptBootstrapAction": action}


def _network(settings: Settings) -> dict[str, Any]:
    """Return the subnets and security groups that the settings name; EMR chooses what they do not."""
    subnets = {"Ec2SubnetIds": list(settings.subnet_ids)} if settings.subnet_ids else {}
    return subnets | dict(zip(SECURITY_GROUPS, settings.security_group_ids, strict=False))


def instance_fleets(choice: ClusterChoice, has_on_demand_for_spot: bool = False) -> list[dict[str, Any]]:
    """Return the fleets that a cluster begins with: on-demand primary and core nodes.

    The task fleet is among them only if it may become an on-demand one: EMR does that for no fleet that comes later.
    """
    size, family = choice.size, choice.family
    fleets = [
        _fleet("MASTER", family, ("xlarge",), {"TargetOnDemandCapacity": 1}),
        _fleet("CORE", family, UNITS_OF_SIZES, {"TargetOnDemandCapacity": size.core}),
    ]
    if size.spot_task and has_on_demand_for_spot:
        spot = {
            "AllocationStrategy": "price-capacity-optimized",
            "TimeoutAction": "SWITCH_TO_ON_DEMAND",
            "TimeoutDurationMinutes": 10,
        }
        fleets.append(task_fleet(choice) | {"LaunchSpecifications": {"SpotSpecification": spot}})
    return fleets


def task_fleet(choice: ClusterChoice) -> dict[str, Any]:
    """Return the fleet of Spot nodes, the loss of one of which costs no more than its tasks."""
    capacity = {"TargetSpotCapacity": 1 if choice.size.is_scaled else choice.size.spot_task}
    return _fleet("TASK", choice.family, UNITS_OF_SIZES, capacity)


def managed_scaling(size: ClusterSize) -> dict[str, Any]:
    """Return the policy under which EMR adds Spot nodes while executors wait for room, and no on-demand ones."""
    most = {"MaximumOnDemandCapacityUnits": size.core, "MaximumCoreCapacityUnits": size.core}
    bounds = {"MinimumCapacityUnits": size.core, "MaximumCapacityUnits": size.core + size.spot_task}
    return {"ComputeLimits": {"UnitType": "InstanceFleetUnits", **bounds, **most}}


def _executors(size: ClusterSize) -> dict[str, str]:
    """Return how many executors a step asks for; where EMR scales by what waits, Spark asks by what is to be done."""
    most = size.core + size.spot_task
    if size.is_scaled:
        return {
            "spark.dynamicAllocation.enabled": "true",
            "spark.dynamicAllocation.minExecutors": str(size.core),
            "spark.dynamicAllocation.maxExecutors": str(most),
        }
    return {
        # Executors that are idle stay, for their nodes are paid for to the end.
        "spark.dynamicAllocation.enabled": "false",
        "spark.executor.instances": str(most),
        # A step begins with the executors of the core nodes. Spot nodes join when they come, and may never come.
        "spark.scheduler.minRegisteredResourcesRatio": str(size.core / most),
    }


def _fleet(instance_fleet_type: str, family: str, sizes: Iterable[str], capacity: dict[str, Any]) -> dict[str, Any]:
    types = [{"InstanceType": f"{family}.{size}", "WeightedCapacity": UNITS_OF_SIZES[size]} for size in sizes]
    return {
        "Name": instance_fleet_type.lower(),
        "InstanceFleetType": instance_fleet_type,
        "InstanceTypeConfigs": types,
        **capacity,
    }


def configurations(node_venv: str, choice: ClusterChoice) -> list[dict[str, Any]]:
    """Return Spark's defaults, with the environment that the bootstrap actions made as its Python, and the region."""
    python = f"{node_venv}/bin/python"
    # boto3 reads the second name, and other clients the first. Without a region they ask S3's global name, which a VPC
    # may not reach.
    region = {"AWS_REGION": choice.region, "AWS_DEFAULT_REGION": choice.region}
    spark = {
        **SPARK_DEFAULTS,
        **_executors(choice.size),
        "spark.pyspark.python": python,
        "spark.pyspark.driver.python": python,
        **{f"spark.executorEnv.{name}": value for name, value in region.items()},
    }
    exported = {"Classification": "export", "Properties": region}
    made: list[dict[str, Any]] = [
        {"Classification": "spark-defaults", "Properties": spark},
        {"Classification": "spark-env", "Properties": {}, "Configurations": [exported]},
    ]
    if choice.size.spot_task:
        made.append({"Classification": "yarn-site", "Properties": MASTER_ON_CORE})
    return made

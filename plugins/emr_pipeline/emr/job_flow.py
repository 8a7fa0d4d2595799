"""The cluster as EMR's RunJobFlow takes it, sized by the run's `cluster_size`."""

from collections.abc import Sequence
from typing import Any

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.settings import Settings
from run_contract.cluster_sizes import SIZES, ClusterSize

DAG_TAG = "fruit-features:dag"
RUN_TAG = "fruit-features:run"
BUCKET_TAG = "fruit-features:bucket"
# Of EMR.
NAME_LENGTH = 256

# Two generations of the same shape, 4 vCPU and 32 GiB, so that a fleet finds capacity and one executor fits either.
# 7i has AMX, which is what precision bfloat16 is for.
INSTANCE_TYPES = ("r7i.xlarge", "r6i.xlarge")


# One executor a node. Python workers live outside the JVM's heap: four of them, each with a network of its own, need
# most of the 24 GiB that YARN has on these instances; the rest is for the application master.
SPARK_DEFAULTS = {
    "spark.executor.cores": "4",
    "spark.executor.memory": "6g",
    "spark.executor.memoryOverhead": "14g",
    "spark.driver.memory": "8g",
    "spark.driver.maxResultSize": "4g",
    # Sixty-four original photographs of 5 MB are 320 MB in a Python worker; Spark's default of 10,000 would be 50 GB.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
# A Spot node that goes takes its executor along, which Spark repeats; were the application master there, it would take
# the whole step. EMR 6 and later let it land anywhere unless told.
MASTER_ON_CORE = {
    "yarn.node-labels.enabled": "true",
    "yarn.node-labels.am.default-node-label-expression": "CORE",
}


def name_prefix(bucket: str) -> str:
    """How the names of a deployment's clusters begin: it may look at its own only, and looks no further."""
    return f"fruit_features {bucket} "


def cluster_name(layout: RunLayout) -> str:
    """How a run's cluster is called in EMR's console, and what a search narrows down on; the tags decide."""
    return f"{name_prefix(layout.bucket)}{layout.run}"[:NAME_LENGTH]


def cluster_tags(dag_id: str, run_id: str, bucket: str) -> dict[str, str]:
    """The tags by which a DAG run finds its own cluster, and EMR's managed policy its permission."""
    return {
        "for-use-with-amazon-emr-managed-policies": "true",
        DAG_TAG: dag_id,
        RUN_TAG: run_id,
        # Two deployments in one account may run the same DAG under the same run id; they never share a bucket.
        BUCKET_TAG: bucket,
    }


def job_flow(
    settings: Settings, layout: RunLayout, tags: dict[str, str], code_uri: str, scripts: Sequence[str], size: str
) -> dict[str, Any]:
    """The request for a cluster that waits for steps, one at a time, and ends by itself when it is left idle.

    `scripts` are the names of the staged bootstrap scripts, in any order; they run in the order of their numbers.
    """
    request = {
        "Name": cluster_name(layout),
        "ReleaseLabel": settings.release_label,
        "Applications": [{"Name": "Spark"}],
        "LogUri": f"{layout.log_uri}/",
        "ServiceRole": settings.service_role,
        "JobFlowRole": settings.instance_profile,
        "VisibleToAllUsers": True,
        "StepConcurrencyLevel": 1,
        "AutoTerminationPolicy": {"IdleTimeout": settings.keep_alive_s},
        "Instances": {
            "InstanceFleets": instance_fleets(SIZES[size]),
            "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": False,
            **({"Ec2SubnetIds": list(settings.subnet_ids)} if settings.subnet_ids else {}),
        },
        "BootstrapActions": bootstrap_actions(code_uri, scripts, settings.node_venv),
        "Configurations": configurations(settings.node_venv),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if settings.security_configuration:
        request["SecurityConfiguration"] = settings.security_configuration
    return request


def instance_fleets(size: ClusterSize) -> list[dict[str, Any]]:
    """On-demand primary and core nodes; Spot only where losing a node costs no more than its tasks."""
    fleets = [_fleet("MASTER", {"TargetOnDemandCapacity": 1}), _fleet("CORE", {"TargetOnDemandCapacity": size.core})]
    if size.spot_task:
        # Short of Spot, the run takes longer on its core nodes; it never fails for it and never pays more.
        spot = {
            "AllocationStrategy": "price-capacity-optimized",
            "TimeoutAction": "SWITCH_TO_ON_DEMAND",
            "TimeoutDurationMinutes": 10,
        }
        fleets.append(
            _fleet("TASK", {"TargetSpotCapacity": size.spot_task, "LaunchSpecifications": {"SpotSpecification": spot}})
        )
    return fleets


def _fleet(instance_fleet_type: str, capacity: dict[str, Any]) -> dict[str, Any]:
    return {
        "Name": instance_fleet_type.lower(),
        "InstanceFleetType": instance_fleet_type,
        "InstanceTypeConfigs": [{"InstanceType": name, "WeightedCapacity": 1} for name in INSTANCE_TYPES],
        **capacity,
    }


def bootstrap_actions(code_uri: str, scripts: Sequence[str], node_venv: str) -> list[dict[str, Any]]:
    """One action a script, in the order of the scripts' numbers (2 before 10)."""
    return [
        {
            "Name": script.removesuffix(".sh"),
            "ScriptBootstrapAction": {
                "Path": f"{code_uri}/bootstrap/{script}",
                "Args": [node_venv, f"{code_uri}/bootstrap/requirements.txt"],
            },
        }
        for script in sorted(scripts, key=lambda script: (int(script.partition("_")[0]), script))
    ]


def configurations(node_venv: str) -> list[dict[str, Any]]:
    """Spark's defaults, with the environment that the bootstrap actions made as its Python."""
    python = f"{node_venv}/bin/python"
    spark = SPARK_DEFAULTS | {"spark.pyspark.python": python, "spark.pyspark.driver.python": python}
    return [
        {"Classification": "spark-defaults", "Properties": spark},
        {"Classification": "yarn-site", "Properties": MASTER_ON_CORE},
    ]

"""The request of EMR's RunJobFlow for a run's cluster, sized by the param `cluster_size`."""

from collections.abc import Sequence
from typing import Any

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.settings import Settings
from run_contract.cluster_sizes import SIZES, ClusterSize

DAG_TAG = "fruit-features:dag"
RUN_TAG = "fruit-features:run"
BUCKET_TAG = "fruit-features:bucket"
DEPLOYMENT_TAG = "fruit-features:deployment"
LONGEST_NAME_OF_EMR = 256

# Two generations of the same shape, 4 vCPU and 32 GiB, so that a fleet finds capacity and one executor fits either.
# 7i has AMX, which is what precision bfloat16 is for.
INSTANCE_TYPES = ("r7i.xlarge", "r6i.xlarge")

# One executor for each node. Python workers live outside the JVM's heap: four of them, each with its own network, need
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
    settings: Settings, layout: RunLayout, tags: dict[str, str], code_uri: str, scripts: Sequence[str], size: str
) -> dict[str, Any]:
    """Return the request for a cluster that takes one step at a time and ends by itself when it is idle.

    `scripts` are the names of the staged bootstrap scripts, in the order in which they run.
    """
    security = settings.security_configuration
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
        "Instances": {
            "InstanceFleets": instance_fleets(SIZES[size]),
            "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": False,
            **({"Ec2SubnetIds": list(settings.subnet_ids)} if settings.subnet_ids else {}),
        },
        "BootstrapActions": [
            {
                "Name": script.removesuffix(".sh"),
                "ScriptBootstrapAction": {
                    "Path": f"{code_uri}/bootstrap/{script}",
                    "Args": [settings.node_venv, f"{code_uri}/bootstrap/requirements.txt"],
                },
            }
            for script in scripts
        ],
        "Configurations": configurations(settings.node_venv),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        **({"SecurityConfiguration": security} if security else {}),
    }


def instance_fleets(size: ClusterSize) -> list[dict[str, Any]]:
    """Return on-demand primary and core nodes, and Spot nodes only where losing one costs no more than its tasks."""
    fleets = [_fleet("MASTER", {"TargetOnDemandCapacity": 1}), _fleet("CORE", {"TargetOnDemandCapacity": size.core})]
    if size.spot_task:
        # A run never fails because Spot nodes are missing: after the timeout EMR switches to on-demand ones.
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


def configurations(node_venv: str) -> list[dict[str, Any]]:
    """Return Spark's defaults, with the environment that the bootstrap actions made as its Python."""
    python = f"{node_venv}/bin/python"
    spark = SPARK_DEFAULTS | {"spark.pyspark.python": python, "spark.pyspark.driver.python": python}
    return [
        {"Classification": "spark-defaults", "Properties": spark},
        {"Classification": "yarn-site", "Properties": MASTER_ON_CORE},
    ]

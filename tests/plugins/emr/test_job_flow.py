"""The RunJobFlow request, against the values we mean and against EMR's own service model."""

from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from emr_pipeline.emr.job_flow import (
    INSTANCE_FAMILIES,
    ClusterChoice,
    cluster_tags,
    configurations,
    instance_fleets,
    job_flow,
    task_fleet,
)
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.wheels import LOCKS
from emr_pipeline.settings import Settings
from run_contract.cluster_sizes import SIZES, ClusterSize
from run_contract.param_queries import param_named

LAYOUT = RunLayout("b", "r")
DEPLOYMENT = Settings.from_environment({"FRUIT_FEATURES_BUCKET": "bbb", "FRUIT_FEATURES_DEPLOYMENT": "blue"})
TAGS = cluster_tags(DEPLOYMENT, "fruit_features", "manual__2026-11-20T16:00:00+00:00")


def choice(
    core: int = 2, spot_task: int = 0, precision: str = "float32", lock: str = "requirements.txt"
) -> ClusterChoice:
    return ClusterChoice(ClusterSize(core, spot_task), INSTANCE_FAMILIES[precision], lock, "eu-west-3")


def request(size: ClusterSize = SIZES["small"], **environment: str) -> dict[str, Any]:
    settings = Settings.from_environment({f"FRUIT_FEATURES_{name}": value for name, value in environment.items()})
    return job_flow(
        settings,
        LAYOUT,
        TAGS,
        "s3://b/code/v1",
        ["10_a.sh"],
        ClusterChoice(size, "r6i", LOCKS["openvino"], "eu-west-3"),
    )


@pytest.mark.parametrize("size", SIZES.values())
def test_emr_itself_would_accept_the_request(size: ClusterSize) -> None:
    model = botocore.session.get_session().get_service_model("emr")
    shape: Any = model.operation_model("RunJobFlow").input_shape

    groups = "sg-1,sg-2,sg-3"
    made = request(size, SUBNET_IDS="subnet-1", SECURITY_CONFIGURATION="strict", SECURITY_GROUP_IDS=groups)
    validate_parameters(made, shape)


def test_the_cluster_waits_for_steps_and_ends_when_it_is_forgotten() -> None:
    made = request(KEEP_ALIVE_S="1234")

    assert made["Instances"]["KeepJobFlowAliveWhenNoSteps"] is True
    assert made["Instances"]["TerminationProtected"] is False
    assert made["AutoTerminationPolicy"] == {"IdleTimeout": 1234}
    assert made["StepConcurrencyLevel"] == 1
    assert made["VisibleToAllUsers"] is True


def test_the_deployments_own_names_reach_the_cluster() -> None:
    made = request(
        RELEASE_LABEL="emr-7.10.0",
        SERVICE_ROLE="service",
        INSTANCE_PROFILE="profile",
        SUBNET_IDS="subnet-1,subnet-2",
        SECURITY_GROUP_IDS="sg-1,sg-2,sg-3",
        SECURITY_CONFIGURATION="strict",
    )

    assert made["Name"] == "fruit_features b r"
    assert made["ReleaseLabel"] == "emr-7.10.0"
    assert made["Applications"] == [{"Name": "Spark"}]
    assert made["LogUri"] == "s3://b/logs/"
    assert (made["ServiceRole"], made["JobFlowRole"]) == ("service", "profile")
    assert made["Instances"]["Ec2SubnetIds"] == ["subnet-1", "subnet-2"]
    assert made["Instances"]["EmrManagedMasterSecurityGroup"] == "sg-1"
    assert made["Instances"]["EmrManagedSlaveSecurityGroup"] == "sg-2"
    assert made["Instances"]["ServiceAccessSecurityGroup"] == "sg-3"
    assert made["SecurityConfiguration"] == "strict"


def test_what_is_not_set_is_not_asked_for() -> None:
    made = request()

    assert "SecurityConfiguration" not in made
    assert not [name for name in made["Instances"] if "Subnet" in name or "SecurityGroup" in name]


def test_the_cluster_carries_the_runs_tags() -> None:
    assert {tag["Key"]: tag["Value"] for tag in request()["Tags"]} == {
        "for-use-with-amazon-emr-managed-policies": "true",
        "fruit-features:dag": "fruit_features",
        "fruit-features:run": "manual__2026-11-20T16:00:00+00:00",
        "fruit-features:bucket": "bbb",
        "fruit-features:deployment": "blue",
    }


@pytest.mark.parametrize(("core", "spot"), [(3, 0), (5, 7)])
def test_primary_and_core_are_on_demand_and_spot_is_for_tasks_alone(core: int, spot: int) -> None:
    fleets = {fleet["InstanceFleetType"]: fleet for fleet in instance_fleets(choice(core, spot))}
    task = task_fleet(choice(core, spot))

    assert fleets["MASTER"]["TargetOnDemandCapacity"] == 1
    assert fleets["CORE"]["TargetOnDemandCapacity"] == core
    assert "TargetSpotCapacity" not in fleets["MASTER"] | fleets["CORE"]
    assert set(fleets) == {"MASTER", "CORE"}
    assert (task["InstanceFleetType"], task["TargetSpotCapacity"]) == ("TASK", spot)
    assert "LaunchSpecifications" not in task


@pytest.mark.parametrize(("size", "expected"), [("small", 0), ("large", 16), ("auto", 1)])
def test_a_cluster_begins_with_task_nodes_only_if_they_may_run_on_demand(size: str, expected: int) -> None:
    for setting, spot in (("0", 0), ("1", expected)):
        made = request(SIZES[size], ON_DEMAND_FOR_SPOT=setting)["Instances"]["InstanceFleets"]
        tasks = [fleet for fleet in made if fleet["InstanceFleetType"] == "TASK"]
        assert sum(fleet["TargetSpotCapacity"] for fleet in tasks) == spot
        specifications = [fleet["LaunchSpecifications"]["SpotSpecification"] for fleet in tasks]
        assert {each["TimeoutAction"] for each in specifications} <= {"SWITCH_TO_ON_DEMAND"}


def test_each_bootstrap_script_gets_the_environments_folder_and_its_requirements() -> None:
    (action,) = request(NODE_VENV="/venv")["BootstrapActions"]

    assert action["Name"] == "10_a"
    assert action["ScriptBootstrapAction"] == {
        "Path": "s3://b/code/v1/bootstrap/10_a.sh",
        "Args": ["/venv", "s3://b/code/v1/bootstrap/requirements.txt", "s3://fruit-features/wheels", "eu-west-3"],
    }


def test_tensorflow_is_installed_only_for_its_engine_and_nothing_where_nodes_have_it_all() -> None:
    settings = Settings.from_environment({"FRUIT_FEATURES_WHEELS_URI": "none"})
    made = job_flow(settings, LAYOUT, TAGS, "s3://b/code/v1", ["10_a.sh"], choice(lock=LOCKS["tensorflow"]))

    (action,) = made["BootstrapActions"]
    assert action["ScriptBootstrapAction"]["Args"][1:3] == [
        "s3://b/code/v1/bootstrap/requirements-tensorflow.txt",
        "none",
    ]


@pytest.mark.parametrize("precision", param_named("precision").choices)
def test_all_nodes_of_a_cluster_have_the_processor_that_the_precision_needs(precision: str) -> None:
    """Of the types, those of the seventh generation alone have AVX512_BF16."""
    fleets = [*instance_fleets(choice(2, 3, precision)), task_fleet(choice(2, 3, precision))]
    families = {each["InstanceType"].split(".")[0] for fleet in fleets for each in fleet["InstanceTypeConfigs"]}

    assert families == ({"r6i"} if precision == "float32" else {"r7i"})


def properties(made: list[dict[str, Any]], classification: str) -> dict[str, str]:
    (found,) = [one for one in made if one["Classification"] == classification]
    nested = {name: value for one in found.get("Configurations", []) for name, value in one["Properties"].items()}
    return {**found["Properties"], **nested}


def test_spark_uses_the_python_that_the_bootstrap_actions_made() -> None:
    spark = properties(configurations("/venv", choice()), "spark-defaults")

    assert spark["spark.pyspark.python"] == "/venv/bin/python"
    assert spark["spark.pyspark.driver.python"] == "/venv/bin/python"


def test_driver_and_workers_know_the_region_of_their_cluster() -> None:
    made = configurations("/venv", choice())
    exported, spark = properties(made, "spark-env"), properties(made, "spark-defaults")

    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        assert exported[name] == spark[f"spark.executorEnv.{name}"] == "eu-west-3"


def test_every_node_that_is_paid_for_keeps_its_executor() -> None:
    spark = properties(configurations("/venv", choice(core=8, spot_task=16)), "spark-defaults")

    assert spark["spark.dynamicAllocation.enabled"] == "false"
    assert spark["spark.executor.instances"] == "24"


@pytest.mark.parametrize(("core", "spot"), [(2, 0), (8, 16)])
def test_a_step_begins_with_the_core_nodes_for_spot_nodes_may_never_come(core: int, spot: int) -> None:
    spark = properties(configurations("/venv", choice(core, spot)), "spark-defaults")

    ratio = float(spark["spark.scheduler.minRegisteredResourcesRatio"])
    assert ratio * int(spark["spark.executor.instances"]) == pytest.approx(core)


def test_the_application_master_is_kept_from_spot_nodes_and_has_no_label_where_there_are_none() -> None:
    yarn = properties(configurations("/venv", choice(spot_task=1)), "yarn-site")

    assert yarn["yarn.node-labels.am.default-node-label-expression"] == "CORE"
    assert "yarn-site" not in [one["Classification"] for one in configurations("/venv", choice(spot_task=0))]


def test_an_executor_and_the_application_master_fit_what_yarn_has_on_a_node() -> None:
    """23,424 MiB on an r6i.xlarge or r7i.xlarge, by EMR's own task configuration."""
    spark = properties(configurations("/venv", choice()), "spark-defaults")
    executor_gib = int(spark["spark.executor.memory"][:-1]) + int(spark["spark.executor.memoryOverhead"][:-1])
    master_mib = 512 + 384

    assert executor_gib * 1024 + master_mib <= 23_424


def test_auto_lets_emr_add_spot_nodes_and_no_others_while_executors_wait() -> None:
    auto = SIZES["auto"]
    limits = request(auto)["ManagedScalingPolicy"]["ComputeLimits"]
    most = auto.core + auto.spot_task
    assert (limits["UnitType"], limits["MinimumCapacityUnits"]) == ("InstanceFleetUnits", auto.core)
    assert limits["MaximumCapacityUnits"] == most
    assert limits["MaximumOnDemandCapacityUnits"] == limits["MaximumCoreCapacityUnits"] == auto.core

    made = ClusterChoice(auto, "r6i", LOCKS["openvino"], "eu-west-3")
    assert task_fleet(made)["TargetSpotCapacity"] == 1
    spark = properties(configurations("/venv", made), "spark-defaults")
    assert spark["spark.dynamicAllocation.enabled"] == "true"
    assert spark["spark.dynamicAllocation.maxExecutors"] == str(most)
    assert "spark.executor.instances" not in spark
    assert not [size for name, size in SIZES.items() if name != "auto" and "ManagedScalingPolicy" in request(size)]

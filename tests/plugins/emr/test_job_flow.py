"""The RunJobFlow request, against the values we mean and against EMR's own service model."""

from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from emr_pipeline.emr.job_flow import SIZES, cluster_tags, configurations, instance_fleets, job_flow
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.settings import Settings

LAYOUT = RunLayout("b", "r")
DEPLOYMENT = Settings.from_environment({"FRUIT_FEATURES_BUCKET": "bbb", "FRUIT_FEATURES_DEPLOYMENT": "blue"})
TAGS = cluster_tags(DEPLOYMENT, "fruit_features", "manual__2026-11-20T16:00:00+00:00")


def request(size: str = "small", **environment: str) -> dict[str, Any]:
    settings = Settings.from_environment({f"FRUIT_FEATURES_{name}": value for name, value in environment.items()})
    return job_flow(settings, LAYOUT, TAGS, "s3://b/code/v1", ["10_a.sh"], size)


@pytest.mark.parametrize("size", list(SIZES))
def test_emr_itself_would_accept_the_request(size: str) -> None:
    model = botocore.session.get_session().get_service_model("emr")
    shape: Any = model.operation_model("RunJobFlow").input_shape

    validate_parameters(request(size, SUBNET_IDS="subnet-1", SECURITY_CONFIGURATION="strict"), shape)


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
        SECURITY_CONFIGURATION="strict",
    )

    assert made["Name"] == "fruit_features b r"
    assert made["ReleaseLabel"] == "emr-7.10.0"
    assert made["Applications"] == [{"Name": "Spark"}]
    assert made["LogUri"] == "s3://b/logs/"
    assert (made["ServiceRole"], made["JobFlowRole"]) == ("service", "profile")
    assert made["Instances"]["Ec2SubnetIds"] == ["subnet-1", "subnet-2"]
    assert made["SecurityConfiguration"] == "strict"


def test_what_is_not_set_is_not_asked_for() -> None:
    made = request()

    assert "SecurityConfiguration" not in made
    assert "Ec2SubnetIds" not in made["Instances"]


def test_the_cluster_carries_the_runs_tags() -> None:
    assert {tag["Key"]: tag["Value"] for tag in request()["Tags"]} == {
        "for-use-with-amazon-emr-managed-policies": "true",
        "fruit-features:dag": "fruit_features",
        "fruit-features:run": "manual__2026-11-20T16:00:00+00:00",
        "fruit-features:bucket": "bbb",
        "fruit-features:deployment": "blue",
    }


@pytest.mark.parametrize(("size", "core", "spot"), [("small", 2, 0), ("medium", 4, 4), ("large", 8, 16)])
def test_primary_and_core_are_on_demand_and_spot_is_for_tasks_alone(size: str, core: int, spot: int) -> None:
    fleets = {fleet["InstanceFleetType"]: fleet for fleet in instance_fleets(SIZES[size])}

    assert fleets["MASTER"]["TargetOnDemandCapacity"] == 1
    assert fleets["CORE"]["TargetOnDemandCapacity"] == core
    assert "TargetSpotCapacity" not in fleets["MASTER"] | fleets["CORE"]
    assert fleets.get("TASK", {}).get("TargetSpotCapacity", 0) == spot


def test_each_bootstrap_script_gets_the_environments_folder_and_its_requirements() -> None:
    (action,) = request(NODE_VENV="/venv")["BootstrapActions"]

    assert action["Name"] == "10_a"
    assert action["ScriptBootstrapAction"] == {
        "Path": "s3://b/code/v1/bootstrap/10_a.sh",
        "Args": ["/venv", "s3://b/code/v1/bootstrap/requirements.txt"],
    }


def test_spark_uses_the_python_that_the_bootstrap_actions_made() -> None:
    spark, yarn = configurations("/venv")

    assert spark["Classification"] == "spark-defaults"
    assert spark["Properties"]["spark.pyspark.python"] == "/venv/bin/python"
    assert spark["Properties"]["spark.pyspark.driver.python"] == "/venv/bin/python"
    assert yarn["Properties"]["yarn.node-labels.am.default-node-label-expression"] == "CORE"


def test_an_executor_and_the_application_master_fit_what_yarn_has_on_a_node() -> None:
    """24 GiB on the 32 GiB instances of the fleet, by EMR's own task configuration."""
    spark = configurations("/venv")[0]["Properties"]
    executor_gib = int(spark["spark.executor.memory"][:-1]) + int(spark["spark.executor.memoryOverhead"][:-1])

    assert executor_gib + 2 <= 24

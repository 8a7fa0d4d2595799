"""Settings from an environment: the defaults, each rule, and the variable's name in each refusal."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from emr_pipeline.errors import SettingsError
from emr_pipeline.settings import Settings
from emr_pipeline.task.trigger_form import run_params
from run_contract.params import PARAMS

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = {
    "FRUIT_FEATURES_BUCKET": "pictures",
    "FRUIT_FEATURES_DEPLOYMENT": "blue",
    "FRUIT_FEATURES_SOURCE_URI": "s3://elsewhere/photos/",
    "FRUIT_FEATURES_REGION": "eu-west-3",
    "FRUIT_FEATURES_AWS_CONN_ID": "aws_emr",
    "FRUIT_FEATURES_RELEASE_LABEL": "emr-7.10.0",
    "FRUIT_FEATURES_SERVICE_ROLE": "service",
    "FRUIT_FEATURES_INSTANCE_PROFILE": "profile",
    "FRUIT_FEATURES_SECURITY_GROUP_IDS": "sg-1, sg-2,sg-3",
    "FRUIT_FEATURES_SUBNET_IDS": "subnet-1, subnet-2,",
    "FRUIT_FEATURES_SECURITY_CONFIGURATION": "strict",
    "FRUIT_FEATURES_ON_DEMAND_FOR_SPOT": "1",
    "FRUIT_FEATURES_KEEP_ALIVE_S": "60",
    "FRUIT_FEATURES_POLL_S": "1",
    "FRUIT_FEATURES_NODE_VENV": "/venv/",
    "FRUIT_FEATURES_CODE_ROOT": "/srv/code",
    "FRUIT_FEATURES_CODE_URI": "s3://pictures/code/1/",
    "FRUIT_FEATURES_WHEELS_URI": "s3://elsewhere/wheels/",
    "FRUIT_FEATURES_CLUSTER_TIME_LIMIT_S": "100",
    "FRUIT_FEATURES_LOG_WAIT_S": "0",
    "FRUIT_FEATURES_REAPER_EVERY_S": "60",
    "FRUIT_FEATURES_REAPER_GRACE_S": "30",
    "FRUIT_FEATURES_KEEP_SNAPSHOTS": "3",
    "FRUIT_FEATURES_LANDING_EVERY_S": "120",
    "FRUIT_FEATURES_LANDING_SETTLE_S": "40",
    "FRUIT_FEATURES_LANDING_SETTLE_LIMIT_S": "400",
    "FRUIT_FEATURES_LANDING_RETRY_S": "0",
    "FRUIT_FEATURES_DOLLARS_PER_HOUR": "0.5",
    "FRUIT_FEATURES_SPOT_DOLLARS_PER_HOUR": "0.125",
    "FRUIT_FEATURES_LANDING_QUEUE_URL": "https://sqs.eu-west-3.amazonaws.com/123456789012/landing",
    "FRUIT_FEATURES_MESSAGES": "arn:aws:sns:eu-west-3:123456789012:told, mail:me@example.com,slack:team",
    "FRUIT_FEATURES_STAGE_TIME_LIMIT_S": "200",
    "FRUIT_FEATURES_REDUCE_FEATURES_TIME_LIMIT_S": "300",
    "FRUIT_FEATURES_BACKBONE": "resnet50",
    "FRUIT_FEATURES_PCA_COMPONENTS": "50",
    "FRUIT_FEATURES_FORMATS": "parquet, csv",
}


def test_an_empty_environment_gives_defaults_that_a_variable_could_say_too() -> None:
    defaults = Settings.from_environment({})
    said = {f"FRUIT_FEATURES_{field.name.upper()}": getattr(defaults, field.name) for field in fields(Settings)}
    texts = {name: str(value) for name, value in said.items() if isinstance(value, str | int | float | Path)}

    assert Settings.from_environment(texts) == defaults
    assert (defaults.code_root / "spark_jobs").is_dir()
    assert len(texts) > 15


def test_the_source_defaults_to_the_landing_folder_of_the_bucket() -> None:
    assert Settings.from_environment({"FRUIT_FEATURES_BUCKET": "pictures"}).source_uri == "s3://pictures/landing"


def test_wheels_lie_in_the_bucket_unless_nodes_need_none() -> None:
    bucket = {"FRUIT_FEATURES_BUCKET": "pictures"}
    assert Settings.from_environment(bucket).wheels_uri == "s3://pictures/wheels"
    assert Settings.from_environment(bucket | {"FRUIT_FEATURES_WHEELS_URI": "none"}).wheels_uri is None


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(EVERYTHING)

    assert settings == Settings(
        bucket="pictures",
        deployment="blue",
        source_uri="s3://elsewhere/photos",
        region="eu-west-3",
        aws_conn_id="aws_emr",
        release_label="emr-7.10.0",
        service_role="service",
        instance_profile="profile",
        security_group_ids=("sg-1", "sg-2", "sg-3"),
        subnet_ids=("subnet-1", "subnet-2"),
        security_configuration="strict",
        on_demand_for_spot=1,
        keep_alive_s=60,
        poll_s=1,
        node_venv="/venv",
        code_root=Path("/srv/code"),
        code_uri="s3://pictures/code/1",
        wheels_uri="s3://elsewhere/wheels",
        cluster_time_limit_s=100,
        log_wait_s=0,
        reaper_every_s=60,
        reaper_grace_s=30,
        keep_snapshots=3,
        landing_every_s=120,
        landing_settle_s=40,
        landing_settle_limit_s=400,
        landing_retry_s=0,
        dollars_per_hour=0.5,
        spot_dollars_per_hour=0.125,
        landing_queue_url="https://sqs.eu-west-3.amazonaws.com/123456789012/landing",
        messages=("arn:aws:sns:eu-west-3:123456789012:told", "mail:me@example.com", "slack:team"),
        stage_time_limit_s=200,
        stage_time_limits_s={"reduce_features": 300},
        params={"backbone": "resnet50", "pca_components": 50, "formats": ["parquet", "csv"]},
    )


def test_each_param_is_a_setting_or_says_why_not_and_none_has_the_name_of_another_setting() -> None:
    defaults = {param: param.written(param.default) for param in PARAMS if param.default is not None}
    environment = {param.setting: text for param, text in defaults.items()}

    read = Settings.from_environment(environment).params

    assert set(read) == {param.name for param in defaults if not param.not_a_setting}
    assert {param.name for param in PARAMS} & {field.name for field in fields(Settings)} == {"source_uri"}


def test_the_form_shows_what_the_deployment_sets_and_says_so() -> None:
    form = run_params(Settings.from_environment(EVERYTHING))

    assert (form["backbone"].value, form["pca_components"].value) == ("resnet50", 50)
    assert form["formats"].value == ["parquet", "csv"]
    assert "FRUIT_FEATURES_BACKBONE" in str(form["backbone"].description)
    assert form["engine"].value == "openvino"
    assert "FRUIT_FEATURES_ENGINE" not in str(form["engine"].description)


def test_a_stage_without_a_limit_of_its_own_has_the_common_one() -> None:
    settings = Settings.from_environment(
        {"FRUIT_FEATURES_STAGE_TIME_LIMIT_S": "200", "FRUIT_FEATURES_REDUCE_FEATURES_TIME_LIMIT_S": "300"}
    )

    assert settings.time_limit_s("reduce_features") == 300
    assert settings.time_limit_s("ingest_images") == 200


def test_an_airflow_is_known_by_its_environment_on_mwaa_and_else_by_its_address() -> None:
    address, mwaa = {"AIRFLOW__API__BASE_URL": "http://airflow:8080"}, {"AIRFLOW_ENV_NAME": "production"}
    own = {"FRUIT_FEATURES_DEPLOYMENT": "blue"}

    assert Settings.from_environment(address).deployment == "http://airflow:8080"
    assert Settings.from_environment(address | mwaa).deployment == "production"
    assert Settings.from_environment(address | mwaa | own).deployment == "blue"


def test_a_release_of_spark_alone_is_taken() -> None:
    assert Settings.from_environment({"FRUIT_FEATURES_RELEASE_LABEL": "emr-spark-8.0.0"}).release_label


def test_a_source_whose_queue_wakes_the_dag_is_listed_less_often_unless_it_is_said() -> None:
    queue = {"FRUIT_FEATURES_LANDING_QUEUE_URL": "https://sqs.eu-west-3.amazonaws.com/123456789012/landing"}
    said = {"FRUIT_FEATURES_LANDING_EVERY_S": "600"}

    assert Settings.from_environment(queue).landing_every_s == 6 * 3600
    assert Settings.from_environment(queue | said).landing_every_s == 600
    assert Settings.from_environment({}).landing_every_s == 600


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert Settings.from_environment({"FRUIT_FEATURES_POLL_S": " "}) == Settings.from_environment({})


def test_the_region_of_the_process_is_taken_when_none_is_set() -> None:
    assert Settings.from_environment({"AWS_DEFAULT_REGION": "eu-west-1"}).region == "eu-west-1"
    assert Settings.from_environment({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}).region == "a"
    assert Settings.from_environment({"FRUIT_FEATURES_REGION": "c", "AWS_REGION": "a"}).region == "c"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUCKET", "s3://pictures"),
        ("BUCKET", "Pictures"),
        ("BUCKET", "p"),
        ("DEPLOYMENT", "blue; green"),
        ("DEPLOYMENT", "b" * 257),
        ("AWS_CONN_ID", "one\nother"),
        ("SOURCE_URI", "/photos"),
        ("SOURCE_URI", "s3:/pictures/landing"),
        ("RELEASE_LABEL", "7.13.0"),
        ("RELEASE_LABEL", "spark-8.0.0"),
        ("SECURITY_GROUP_IDS", "sg-1,sg-2"),
        ("KEEP_ALIVE_S", "59"),
        ("KEEP_ALIVE_S", "604801"),
        ("POLL_S", "0"),
        ("POLL_S", "-1"),
        ("POLL_S", "1.5"),
        ("POLL_S", "²"),
        ("NODE_VENV", "venv"),
        ("ON_DEMAND_FOR_SPOT", "yes"),
        ("CODE_ROOT", "."),
        ("CODE_URI", "code/1"),
        ("WHEELS_URI", "nothing"),
        ("CLUSTER_TIME_LIMIT_S", "0"),
        ("LOG_WAIT_S", "3601"),
        ("DOLLARS_PER_HOUR", "-1"),
        ("DOLLARS_PER_HOUR", "nan"),
        ("SPOT_DOLLARS_PER_HOUR", "$0.17"),
        ("LANDING_EVERY_S", "0"),
        ("LANDING_SETTLE_S", "0"),
        ("LANDING_SETTLE_LIMIT_S", "604801"),
        ("LANDING_RETRY_S", "never"),
        ("LANDING_QUEUE_URL", "arn:aws:sqs:eu-west-3:123456789012:landing"),
        ("MESSAGES", "arn:aws:sqs:eu-west-3:123456789012:told"),
        ("MESSAGES", "me@example.com"),
        ("MESSAGES", "slack:team,"),
        ("STAGE_TIME_LIMIT_S", "one hour"),
        ("INGEST_IMAGES_TIME_LIMIT_S", "0"),
        ("BACKBONE", "resnet18"),
        ("PCA_COMPONENTS", "many"),
        ("EXPLAINED_VARIANCE", "1.1"),
        ("FORMATS", "csv"),
        ("WEIGHTS", "own.h5"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment({f"FRUIT_FEATURES_{name}": value})

    assert refusal.value.variable == f"FRUIT_FEATURES_{name}"
    assert str(refusal.value).startswith(f"FRUIT_FEATURES_{name}={value!r}: give ")


def test_tasks_reach_aws_as_the_settings_say_and_are_tried_again_after_a_pause() -> None:
    settings = Settings.from_environment({"FRUIT_FEATURES_REGION": "eu-west-3", "FRUIT_FEATURES_AWS_CONN_ID": "emr"})
    defaults = settings.operator_defaults

    assert (defaults["aws_conn_id"], defaults["region_name"]) == ("emr", "eu-west-3")
    assert defaults["retries"] > 0
    assert defaults["retry_delay"] > timedelta(seconds=settings.poll_s)

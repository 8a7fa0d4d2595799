"""What `make mwaa-bundle` makes: complete, importable, and with the stack's own values."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from emr_pipeline.settings import Settings
from tools.env.mwaa_bundle import StackOutputsError, make_bundle, read_outputs, stack_settings
from tools.local.home import REPOSITORY

OUTPUTS = {
    "Bucket": "my-fruit",
    "InstanceProfile": "profile",
    "LandingQueueUrl": "https://sqs.eu-west-3.amazonaws.com/123456789012/landing",
    "MessagesTopicArn": "arn:aws:sns:eu-west-3:123456789012:fruit-features-MessagesTopic-1A2B",
    "Region": "eu-west-3",
    "SecurityConfiguration": "secured",
    "SecurityGroupIds": "sg-1,sg-2,sg-3",
    "ServiceRole": "role",
    "SubnetIds": "subnet-1,subnet-2",
    "AirflowPolicyArn": "arn",
}


def test_the_startup_script_exports_settings_that_the_plugins_take(tmp_path: Path) -> None:
    uri = make_bundle(OUTPUTS, tmp_path / "mwaa")
    exported = subprocess.run(
        ["bash", "-c", "source startup.sh && env -0"], cwd=tmp_path / "mwaa", env={}, capture_output=True, check=True
    )
    environment = dict(line.split("=", 1) for line in exported.stdout.decode().split("\0") if "=" in line)
    settings = Settings.from_environment(environment)
    assert (settings.bucket, settings.region, settings.code_uri) == ("my-fruit", "eu-west-3", uri)
    assert settings.subnet_ids == ("subnet-1", "subnet-2")
    assert settings.security_group_ids == ("sg-1", "sg-2", "sg-3")
    assert (settings.service_role, settings.instance_profile) == ("role", "profile")
    assert settings.security_configuration == "secured"
    assert settings.landing_queue_url == OUTPUTS["LandingQueueUrl"]
    assert settings.messages == (OUTPUTS["MessagesTopicArn"],)


def test_plugins_zip_holds_the_contents_of_plugins_and_can_be_imported(tmp_path: Path) -> None:
    make_bundle(OUTPUTS, tmp_path / "mwaa")
    archive = tmp_path / "mwaa" / "plugins.zip"
    names = zipfile.ZipFile(archive).namelist()
    assert {"emr_pipeline/settings.py", "run_contract/params.py"} <= set(names)
    assert not [name for name in names if name.startswith("plugins")]
    code = "import emr_pipeline.run.stages as stages; print(stages.__file__)"
    # As Airflow has its plugins folder on the path, and nothing of the repository.
    environment = {"PYTHONPATH": str(archive)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(archive))


def test_airflow_takes_one_file_of_the_unzipped_plugins_for_a_plugin(tmp_path: Path) -> None:
    try:
        from airflow._shared.module_loading import find_path_from_directory
    except ImportError:  # The oldest Airflow supported
        from airflow.utils.file import find_path_from_directory  # type: ignore[no-redef]

    make_bundle(OUTPUTS, tmp_path / "mwaa")
    zipfile.ZipFile(tmp_path / "mwaa" / "plugins.zip").extractall(tmp_path / "plugins")

    found = [Path(path) for path in find_path_from_directory(str(tmp_path / "plugins"), ".airflowignore")]

    assert [path.name for path in found if path.suffix == ".py"] == ["fruit_features_ui.py"]


LOAD = """
import json, sys
from airflow import plugins_manager
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # The oldest Airflow supported
    from airflow.models.dagbag import DagBag
plugins_manager.ensure_plugins_loaded()
found = getattr(plugins_manager, "get_import_errors", None)
errors = found() if found else plugins_manager.import_errors
bag = DagBag(dag_folder=sys.argv[1])
import emr_pipeline
print(json.dumps([sorted(bag.dags), bag.import_errors, dict(errors), emr_pipeline.__file__]))
"""


@pytest.mark.slow
def test_airflow_loads_what_the_bundle_holds_without_the_repository(tmp_path: Path) -> None:
    make_bundle(OUTPUTS, tmp_path / "mwaa")
    zipfile.ZipFile(tmp_path / "mwaa" / "plugins.zip").extractall(tmp_path / "plugins")
    environment = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "FRUIT_FEATURES_CODE_URI": "s3://my-fruit/code/1",
    }
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / "mwaa" / "dags")],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    dags, import_errors, plugin_errors, package = json.loads(done.stdout.splitlines()[-1])
    assert dags == sorted(path.stem for path in (REPOSITORY / "dags").glob("*.py"))
    assert (import_errors, plugin_errors) == ({}, {})
    assert package.startswith(str(tmp_path / "plugins"))


def test_the_code_of_the_clusters_lies_under_its_version(tmp_path: Path) -> None:
    uri = make_bundle(OUTPUTS, tmp_path / "mwaa")
    version = uri.removeprefix("s3://my-fruit/code/")
    code = tmp_path / "mwaa" / "code" / version
    assert (code / "ingest_images.py").read_bytes() == (REPOSITORY / "spark_jobs" / "ingest_images.py").read_bytes()
    assert (code / "bootstrap" / "requirements.txt").is_file()
    assert zipfile.is_zipfile(code / "image_features.zip")


def test_outputs_are_read_from_what_aws_says(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    said = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
    path.write_text(json.dumps({"Stacks": [{"StackName": "x", "Outputs": said}]}))
    assert read_outputs(path) == OUTPUTS


@pytest.mark.parametrize("content", [None, "", "{}", '{"Stacks": []}', "[]"])
def test_what_is_no_answer_of_aws_is_refused_with_the_way_to_get_one(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "stack.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StackOutputsError, match="describe-stacks --stack-name"):
        read_outputs(path)


@pytest.mark.parametrize("missing", ["Bucket", "ServiceRole"])
def test_a_stack_that_lacks_an_output_is_refused_by_name_and_the_bundle_stays(tmp_path: Path, missing: str) -> None:
    make_bundle(OUTPUTS, tmp_path / "mwaa")
    lacking = {name: value for name, value in OUTPUTS.items() if name != missing}
    for refused in (lambda: make_bundle(lacking, tmp_path / "mwaa"), lambda: stack_settings(lacking)):
        with pytest.raises(StackOutputsError, match=f"no output {missing}"):
            refused()
    assert (tmp_path / "mwaa" / "startup.sh").is_file()

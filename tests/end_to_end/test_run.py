"""`make run` as a person calls it: a green run to the last row, a red one, an interrupted one."""

import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.conftest import REPOSITORY, GreenRun, Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RAISE = 'raise RuntimeError("the lemons are sour")\n'


def dag_run_states(machine: Machine) -> list[str]:
    with sqlite3.connect(f"file:{machine.home.airflow_path / 'airflow.db'}?mode=ro", uri=True) as database:
        return [state for (state,) in database.execute("select state from dag_run")]


def test_a_run_on_a_few_photographs_is_green_and_every_row_is_there(green: GreenRun, few_photos: Path) -> None:
    machine, done = green.machine, green.done
    assert done.returncode == 0, done.stdout + done.stderr
    run_path = machine.run_path("few")
    assert len(machine.rows(run_path / "manifest")) == 32
    rejects = machine.rows(run_path / "rejects")
    assert {(Path(row["uri"]).name, row["reason"]) for row in rejects} == {
        (".DS_Store", "ignored_object"),
        ("notes.jpg", "not_an_image"),
    }
    features, reduced = machine.rows(run_path / "features"), machine.rows(run_path / "pca_features")
    expected = {f"s3://fruit-features/landing/few photos/{path.relative_to(few_photos)}" for path in photos(few_photos)}
    assert {row["uri"] for row in features} == {row["uri"] for row in reduced} == expected
    assert {row["features"] for row in features} == {1280}
    assert {row["pca_features"] for row in reduced} == {4}
    assert (machine.stats("few", "ingest_images")["rows_in"], machine.stats("few", "reduce_features")["rows_out"]) == (
        32,
        30,
    )

    assert "run few: success" in done.stdout
    assert str(run_path / "report" / "index.html") in done.stdout
    assert (run_path / "report" / "index.html").is_file()
    assert machine.cluster_states() == ["TERMINATED"]


def test_a_second_run_of_the_same_makes_no_cluster_and_says_so(green: GreenRun) -> None:
    machine, before = green.machine, green.machine.cluster_states()
    second = green.again("--run=second")

    assert second.returncode == 0, second.stdout + second.stderr
    assert "nothing new: the photographs, the params and the code are those of what is published" in second.stdout
    assert "few, 32 objects of s3://fruit-features/landing/few photos" in second.stdout
    assert "make run FORCE=1" in second.stdout
    assert second.stderr == ""
    assert machine.cluster_states() == before
    assert not machine.run_path("second").exists()
    # What the UI shows of the task.
    logs_path = machine.home.airflow_path
    for run, is_skipped in (("few", False), ("second", True)):
        (log,) = logs_path.rglob(f"run_id=make_run__{run}__*/task_id=check_run/attempt=1.log")
        assert ("nothing new since snapshot" in log.read_text()) is is_skipped


def test_a_job_that_raises_makes_the_run_red_and_its_words_reach_the_terminal(green: GreenRun, code: Path) -> None:
    machine, job = green.machine, code / "spark_jobs" / "ingest_images.py"
    published, text = (machine.home.bucket_path / "published" / "latest.json").read_text(), job.read_text()
    job.write_text(f"{text.partition('import')[0]}{RAISE}")
    try:
        done = green.again("--run=red")
    finally:
        job.write_text(text)

    assert done.returncode == 1
    assert "run red: failed" in done.stdout
    assert "ERROR in the task ingest_images.wait_for_step" in done.stderr
    assert "RuntimeError: the lemons are sour" in done.stderr
    logs_path = re.search(r"the logs of all tasks: (.*)", done.stderr)
    assert logs_path is not None
    # On a busy machine Airflow takes an attempt for lost that is not, and makes another.
    task_logs = list(Path(logs_path[1]).glob("task_id=ingest_images.wait_for_step/attempt=?.log"))
    assert task_logs
    assert all("the lemons are sour" in task_log.read_text() for task_log in task_logs)
    assert set(machine.cluster_states()) == {"TERMINATED"}
    assert (machine.home.bucket_path / "published" / "latest.json").read_text() == published


def test_an_interrupted_run_ends_its_cluster_and_the_services_it_started(machine: Machine, few_photos: Path) -> None:
    command = machine.command(f"--source={few_photos}", "--run=stopped", "--weights=random:0", "--components=4")
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=machine.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        deadline = time.monotonic() + 120
        while not (machine.run_path("stopped") / "progress" / "ingest_images.json").exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "the first stage did not begin"
            time.sleep(0.2)
        assert machine.cluster_states() == ["RUNNING"]
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=100)[0]
    finally:
        process.kill()

    assert process.returncode == 130, output
    assert machine.cluster_states() == ["TERMINATED"]
    assert dag_run_states(machine) == ["failed"]
    assert machine.processes() == []
    assert list(machine.home.run_path.glob("*.pid")) == []


def test_a_param_that_the_form_would_refuse_is_named_before_anything_starts(airflow: Machine, few_photos: Path) -> None:
    before = airflow.cluster_states()
    done = airflow.make_run(f"--source={few_photos}", "--backbone=resnet9000", "--weights=random:0")

    assert done.returncode == 1
    assert "BACKBONE='resnet9000' is refused; expected one of mobilenet_v2, " in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert airflow.cluster_states() == before


def photos(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*_100.jpg"))

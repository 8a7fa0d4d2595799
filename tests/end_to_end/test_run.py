"""`make run` as a person calls it: a green run to the last row, a red one, an interrupted one."""

import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.conftest import REPOSITORY, Machine, new_machine

RAISE = 'raise RuntimeError("the lemons are sour")\n'


def dag_run_states(machine: Machine) -> list[str]:
    with sqlite3.connect(f"file:{machine.home.airflow_path / 'airflow.db'}?mode=ro", uri=True) as database:
        return [state for (state,) in database.execute("select state from dag_run")]


@dataclass(frozen=True)
class GreenRun:
    """A run named `few` on a machine of its own, and what makes it again."""

    machine: Machine
    done: subprocess.CompletedProcess[str]
    options: tuple[str, ...]
    variables: dict[str, str]

    def again(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.machine.make_run(*self.options, *options, **self.variables)


@pytest.fixture(scope="module")
def green(few_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GreenRun]:
    code = tmp_path_factory.mktemp("code")
    # Other code is a reason to run: it must not change because somebody edits the checkout meanwhile.
    for folder in ("spark_jobs", "bootstrap"):
        shutil.copytree(REPOSITORY / folder, code / folder)
    options = (f"--source={few_photos}", "--weights=random:0", "--components=4")
    variables = {"FRUIT_FEATURES_CODE_ROOT": str(code)}
    with new_machine(tmp_path_factory.mktemp("green")) as machine:
        yield GreenRun(machine, machine.make_run(*options, "--run=few", **variables), options, variables)


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
    assert dag_run_states(machine) == ["success"]
    assert machine.cluster_states() == ["TERMINATED"]


# A whole run, and one that ends at its first task.
@pytest.mark.timeout(600)
def test_a_second_run_of_the_same_makes_no_cluster_and_says_so_and_a_forced_one_runs(green: GreenRun) -> None:
    machine = green.machine
    second = green.again("--run=second")

    assert second.returncode == 0, second.stdout + second.stderr
    assert "nothing new: the photographs, the params and the code are those of what is published" in second.stdout
    assert "few, 32 objects of s3://fruit-features/landing/few photos" in second.stdout
    assert "make run FORCE=1" in second.stdout
    assert second.stderr == ""
    assert machine.cluster_states() == ["TERMINATED"]
    assert dag_run_states(machine) == ["success", "success"]
    assert not machine.run_path("second").exists()
    # What the UI shows of the task.
    task_logs = machine.home.airflow_path.rglob("run_id=*/task_id=check_run/attempt=1.log")
    assert ["nothing new since snapshot" in path.read_text() for path in sorted(task_logs)] == [False, True]

    forced = green.again("--run=forced", "--force=1")

    assert forced.returncode == 0, forced.stdout + forced.stderr
    assert machine.cluster_states() == ["TERMINATED"] * 2
    assert machine.stats("forced", "featurize_images")["details"]["vectors"]["computed"] == 0
    found = [(entry["run"], entry["state"]) for entry in machine.history()]
    assert found == [("forced", "current"), ("few", "kept")]


def test_a_job_that_raises_makes_the_run_red_and_its_words_reach_the_terminal(
    machine: Machine, few_photos: Path, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    shutil.copytree(REPOSITORY / "spark_jobs", code / "spark_jobs")
    shutil.copytree(REPOSITORY / "bootstrap", code / "bootstrap")
    job = code / "spark_jobs" / "featurize_images.py"
    job.write_text(f"{job.read_text().partition('import')[0]}{RAISE}")

    done = machine.make_run(
        f"--source={few_photos}", "--run=red", "--weights=random:0", FRUIT_FEATURES_CODE_ROOT=str(code)
    )

    assert done.returncode == 1
    assert "run red: failed" in done.stdout
    assert "ERROR in the task featurize_images.wait_for_step" in done.stderr
    assert "RuntimeError: the lemons are sour" in done.stderr
    log_path = re.search(r"the whole log: (.*)", done.stderr)
    assert log_path is not None
    assert "the lemons are sour" in Path(log_path[1]).read_text()
    assert dag_run_states(machine) == ["failed"]
    assert machine.cluster_states() == ["TERMINATED"]
    assert not (machine.home.bucket_path / "published").exists()
    # What the UI shows of the task.
    (task_log,) = machine.home.airflow_path.rglob("task_id=featurize_images.wait_for_step/attempt=*.log")
    assert "the lemons are sour" in task_log.read_text()


def test_an_interrupted_run_leaves_no_cluster_and_no_running_dag_run(machine: Machine, few_photos: Path) -> None:
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
    assert list(machine.home.run_path.glob("dag-run-*")) == []


def test_a_param_that_the_form_would_refuse_is_named_before_anything_starts(machine: Machine, few_photos: Path) -> None:
    done = machine.make_run(f"--source={few_photos}", "--backbone=resnet9000", "--weights=random:0")

    assert done.returncode == 1
    assert "BACKBONE='resnet9000' is refused; expected one of mobilenet_v2, " in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert machine.cluster_states() == []


def photos(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*_100.jpg"))

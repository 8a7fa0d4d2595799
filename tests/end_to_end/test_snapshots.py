"""`make history`, `make diff` and `make rollback` as a person calls them, on two snapshots of the same photographs."""

import json
import shutil

import pytest

from emr_pipeline.snapshots.snapshot import snapshot_id
from tests.end_to_end.conftest import GreenRun, Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def publish_a_copy_as_the_one_before(machine: Machine) -> tuple[str, str]:
    """Return the name of the current snapshot, and that of its copy, whose run is called `earlier`."""
    published = machine.home.bucket_path / "published"
    shutil.copytree(machine.run_path("few"), machine.run_path("earlier"))
    cost = machine.home.bucket_path / "costs" / "few.json"
    shutil.copy(cost, cost.with_name("earlier.json"))
    latest = json.loads((published / "latest.json").read_text())
    earlier = json.loads(json.dumps(latest | {"run": "earlier"}).replace("/runs/few", "/runs/earlier"))
    validation = json.loads((machine.run_path("earlier") / "report" / "validation.json").read_text())
    earlier["snapshot"] = snapshot_id(earlier["run_uri"], validation)
    latest["previous"] = earlier["snapshot"]
    for name, document in {"latest": latest, latest["snapshot"]: latest, earlier["snapshot"]: earlier}.items():
        (published / f"{name}.json").write_text(json.dumps(document))
    return latest["snapshot"], earlier["snapshot"]


def test_snapshots_are_listed_compared_and_readers_are_taken_back(green: GreenRun) -> None:
    machine = green.machine
    newer, older = publish_a_copy_as_the_one_before(machine)
    history = machine.history()
    assert [(entry["run"], entry["state"]) for entry in history] == [("few", "current"), ("earlier", "kept")]
    assert all(entry["dollars"] > 0 for entry in history)
    compared = machine.tool(machine.home.spark_env_path / "bin" / "python", "tools.diff.main")
    assert "30 -> 30: the same" in compared.stdout, compared.stderr
    assert "4 principal angles: smallest 0.00, median 0.00, largest 0.00 degrees" in compared.stdout

    for target, instead_of in ((older, newer), (newer, older)):
        done = machine.tool(machine.home.airflow_python, "tools.run.rollback", SNAPSHOT=target, WHY="a test")
        assert done.stdout.startswith(f"readers see snapshot {target} "), done.stdout + done.stderr
        assert f"current, instead of {instead_of}" in [entry["state"] for entry in machine.history()]
    refused = machine.tool(machine.home.airflow_python, "tools.run.rollback", SNAPSHOT="nowhere")
    assert refused.returncode == 1
    assert f"there is no snapshot of this name; those that are kept are {older}" in refused.stderr

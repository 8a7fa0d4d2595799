"""The endpoint stops, or is killed: what ran for its clusters ends, and what was known of them is still known."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto.emr.models import emr_backends

from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.cluster.lost_clusters import read_clusters
from local_aws.emr.state.cluster_folder import ClusterFolder
from local_aws.emr.state.records import ClusterRecord
from tests.local_aws.conftest import REPOSITORY, free_port
from tests.local_aws.emr.harness import LocalEmr, bash_step, wait_until

SERVE = """
import sys, signal, threading
from pathlib import Path
from moto.server import ThreadedMotoServer
from local_aws import emr
from local_aws.config import EndpointConfig
from local_aws.signature import AccessKey

folder, spark_env, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
key = AccessKey("testing", "testing")
emr.install(EndpointConfig(folder / "s3", folder / "work", spark_env, "127.0.0.1", port, 1, "1g", key, 0.05, 1.0))
ThreadedMotoServer("127.0.0.1", port, verbose=False).start()
print("ready", flush=True)
stop.wait()
emr.shutdown()
"""


class Served:
    """An EMR in a process of its own."""

    def __init__(self, folder: Path, spark_env: Path) -> None:
        (folder / "s3").mkdir(exist_ok=True)
        port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder), str(spark_env), str(port)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        client = boto3.client(
            "emr",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.emr = LocalEmr(client, folder / "s3", folder / "work")

    def end(self, sig: signal.Signals) -> None:
        self.process.send_signal(sig)
        self.process.wait(timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sig", "running_step_is", "message"),
    [
        (signal.SIGTERM, "CANCELLED", "The local endpoint was stopped"),
        (signal.SIGKILL, "FAILED", "The local endpoint stopped while the cluster lived"),
    ],
)
def test_nothing_runs_on_after_the_endpoint_and_everything_is_remembered(
    tmp_path: Path, spark_env: Path, sig: signal.Signals, running_step_is: str, message: str
) -> None:
    first = Served(tmp_path, spark_env)
    cluster_id = first.emr.run(LogUri="", Tags=[{"Key": "dag", "Value": "fruit"}])
    [done] = first.emr.add(cluster_id, bash_step("echo why >&2; exit 1"))
    first.emr.wait_for_step(cluster_id, done)
    failed_step = first.emr.step(cluster_id, done)
    running, pending = first.emr.add(cluster_id, bash_step("echo $$; exec sleep 600"), bash_step("true"))
    live = first.emr.live_log(cluster_id, f"steps/{running}/stdout")
    pid = int(wait_until("the step's pid", lambda: live.exists() and live.read_text().strip()))
    first.end(sig)

    second = Served(tmp_path, spark_env)
    wait_until("the step's process gone", lambda: not is_alive(pid))
    cluster = second.emr.cluster(cluster_id)
    assert cluster["Status"]["State"] == "TERMINATED_WITH_ERRORS"
    assert cluster["Status"]["StateChangeReason"] == {"Code": "INTERNAL_ERROR", "Message": message}
    assert cluster["Tags"] == [{"Key": "dag", "Value": "fruit"}]
    assert second.emr.step(cluster_id, done) == failed_step
    assert second.emr.step_state(cluster_id, running) == running_step_is
    assert second.emr.step_state(cluster_id, pending) == "CANCELLED"
    assert not (second.emr.work_root / cluster_id / "scratch").exists()
    second.end(signal.SIGTERM)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_is_on_disk_is_all_that_the_api_knows(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run(Steps=[bash_step("exit 1")], AutoTerminationPolicy={"IdleTimeout": 60})
    local_emr.wait_for_state(cluster_id, "WAITING")
    backend = emr_backends["123456789012"]["eu-west-1"]
    assert isinstance(backend, LocalEmrBackend)
    stored = ClusterFolder(local_emr.work_root / cluster_id).load()
    assert stored == backend.cluster(cluster_id).record and stored.steps[0].failure is not None


@pytest.mark.parametrize("content", ['{"id": "j-OLD", "a_field_of_another_version": 1}', '{"id": "j-OLD"', "[]"])
def test_a_cluster_of_another_version_is_set_aside_and_the_others_are_read(tmp_path: Path, content: str) -> None:
    old = tmp_path / "j-OLD" / "cluster.json"
    old.parent.mkdir()
    old.write_text(content)
    kept = ClusterRecord("j-NEW", "123456789012", "eu-west-1", {}, [], state="TERMINATED")
    ClusterFolder(tmp_path / "j-NEW").save(kept)
    assert read_clusters(tmp_path) == [kept]
    assert not old.exists() and (tmp_path / "j-OLD" / "cluster.unreadable").read_text() == content


def test_a_record_that_names_another_folder_is_set_aside(tmp_path: Path) -> None:
    """What an endpoint deletes at its start lies in the cluster's own folder."""
    elsewhere = tmp_path / "elsewhere" / "scratch"
    elsewhere.mkdir(parents=True)
    folder = ClusterFolder(tmp_path / "work" / "j-1")
    folder.save(ClusterRecord("../elsewhere", "123456789012", "eu-west-1", {}, []))
    assert read_clusters(tmp_path / "work") == []
    assert elsewhere.exists() and not folder.state_path.exists()


def test_what_an_older_endpoint_left_open_is_closed_to_other_users(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path / "j-1")
    folder.save(ClusterRecord("j-1", "123456789012", "eu-west-1", {}, [], state="TERMINATED"))
    folder.path.chmod(0o755)
    read_clusters(tmp_path)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700

"""What the watcher says of a process that is known."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.watching import Watcher

WORKER = """
import time
held = bytearray(200 * 2**20)
end = time.process_time() + 1
while time.process_time() < end:
    pass
"""


@pytest.mark.slow
def test_memory_and_processor_time_are_of_what_the_watched_process_starts() -> None:
    watcher = Watcher(os.getpid())
    watcher.start()
    # As multiprocessing names the processes that it spawns.
    subprocess.run([sys.executable, "-c", WORKER, "spawn_main"], check=True)
    watched = watcher.stop()
    assert 200 < watched.worker_peak_mib < 300
    assert watched.jvm_peak_mib == watched.driver_peak_mib == watched.network_peak_mib == 0
    assert watched.cpu_s == pytest.approx(1.0, abs=0.4)


@pytest.mark.slow
def test_what_is_spawned_under_spark_makes_the_network_and_is_no_worker(tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.symlink_to(Path(sys.executable).resolve())
    start_other = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
    watcher = Watcher(os.getpid())
    watcher.start()
    subprocess.run([java, "-c", start_other, sys.executable, "-c", WORKER, "spawn_main"], check=True)
    watched = watcher.stop()
    assert 200 < watched.network_peak_mib < 300
    assert watched.jvm_peak_mib > 0
    assert watched.worker_peak_mib == 0

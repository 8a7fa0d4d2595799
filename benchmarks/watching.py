"""Watches a process and all that it starts: the peak memory of each kind, and the processor time of everybody else."""

import threading
from dataclasses import asdict, dataclass, field

import psutil

SAMPLE_S = 0.5


@dataclass
class Watched:
    """Memory is the resident set of the largest single process of its kind, in MiB."""

    jvm_peak_mib: float = 0.0
    driver_peak_mib: float = 0.0
    network_peak_mib: float = 0.0
    """Of the process in which a Spark driver has its network made."""
    worker_peak_mib: float = 0.0
    cpu_s: float = 0.0
    """Of all processes together: what noise stretches least."""
    others_cores: float = field(default=0.0)
    """How many cores other programs of the machine kept busy meanwhile, on average: the noise in the seconds."""

    def as_json(self) -> dict[str, float]:
        return {name: round(value, 2) for name, value in asdict(self).items()}


class Watcher(threading.Thread):
    """Watches from `start()` to `stop()`; the process itself, a service that is always there, is no part of it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._words = self._root.cmdline()
        self._stopped = threading.Event()
        self._cpu_s: dict[int, float] = {}
        self._watched = Watched()

    def run(self) -> None:
        before, seconds = _busy_s(), 0.0
        # What already runs, such as the endpoint under a benchmark, took its time before.
        self._sample_all()
        earlier_s = dict(self._cpu_s)
        while not self._stopped.wait(SAMPLE_S):
            seconds += SAMPLE_S
            self._sample_all()
        self._watched.cpu_s = sum(cpu_s - earlier_s.get(pid, 0.0) for pid, cpu_s in self._cpu_s.items())
        others_s = _busy_s() - before - self._watched.cpu_s
        self._watched.others_cores = max(others_s, 0.0) / max(seconds, SAMPLE_S)

    def stop(self) -> Watched:
        self._stopped.set()
        self.join()
        return self._watched

    def _sample_all(self) -> None:
        for process in self._root.children(recursive=True):
            self._sample(process)

    def _sample(self, process: psutil.Process) -> None:
        try:
            if process.cmdline() == self._words:
                return  # A fork that is not the program yet that it will be.
            kind, rss_mib, times = _kind(process), process.memory_info().rss / 2**20, process.cpu_times()
        except psutil.NoSuchProcess:
            return
        self._cpu_s[process.pid] = times.user + times.system
        if kind is not None:
            setattr(self._watched, kind, max(getattr(self._watched, kind), rss_mib))


def _kind(process: psutil.Process) -> str | None:
    name, words = process.name(), process.cmdline()
    if name.startswith("java"):
        return "jvm_peak_mib"
    if not name.startswith("python"):
        return None
    # Spark's workers are forks of its daemon; what multiprocessing spawns is a worker, but not under Spark.
    if any("spawn_main" in word for word in words):
        is_under_spark = any(parent.name().startswith("java") for parent in process.parents())
        return "network_peak_mib" if is_under_spark else "worker_peak_mib"
    return "worker_peak_mib" if "pyspark.daemon" in words or "pyspark.worker" in words else "driver_peak_mib"


def _busy_s() -> float:
    times = psutil.cpu_times()
    return times.user + times.system + times.nice

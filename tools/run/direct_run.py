"""A DAG run made here and now by `tools.run.dag_run`, when no Airflow is up; what a killed one leaves is cleared."""

import contextlib
import json
import subprocess
from datetime import datetime
from typing import Any

from tools.errors import RunIsBusyError
from tools.local.home import LocalHome, local_environment
from tools.local.log_tail import tail
from tools.local.processes import find_background, pid_path, session_members, start_background, stop_background

Event = dict[str, Any]
DAG_ID = "fruit_features"


class DirectRun:
    """Started when it is made; `poll` until it gives an event with `run_id`."""

    def __init__(self, home: LocalHome, run: str, params: dict[str, Any], now: datetime) -> None:
        self.home, self.run = home, run
        clear_abandoned_runs(home)
        if run in live_runs(home):
            raise RunIsBusyError(run)
        # A name that was made here ends with the time already.
        moment = f"{now:%Y%m%d-%H%M%S}"
        self.log_path = home.logs_path / f"run-{run.removesuffix(f'-{moment}')}-{moment}.log"
        self.events_path = self.log_path.with_suffix(".events")
        self.events_path.parent.mkdir(parents=True, exist_ok=True)
        self.events_path.touch()
        self._read = 0
        arguments = [DAG_ID, json.dumps(params), str(self.events_path), str(self.log_path)]
        command = [str(home.airflow_python), "-m", "tools.run.dag_run", *arguments]
        self.background = start_background(_name(run), command, local_environment(home), home.run_path, self.log_path)

    def poll(self) -> list[Event]:
        """What happened since the last call. A process that died without a word is a failed run."""
        alive = self.background.is_alive()
        events = self._new_events()
        if any("run_id" in event for event in events):
            self.close()
        elif not alive:
            self.end()
            events.append({"run_id": None, "state": "failed", "tasks": {}, "error": tail(self.log_path, lines=25)})
        return events

    def end(self) -> None:
        """Stop it where it is: its cluster is terminated and its DAG run marked failed."""
        self.close()
        _clear(self.home, self.run)

    def close(self) -> None:
        stop_background(self.home.run_path, _name(self.run), patience_s=3)

    def _new_events(self) -> list[Event]:
        with self.events_path.open("rb") as written:
            written.seek(self._read)
            whole = written.read().rpartition(b"\n")[0]
        self._read += len(whole) + bool(whole)
        return [json.loads(line) for line in whole.splitlines()]


def live_runs(home: LocalHome) -> list[str]:
    """Names of the runs that other processes make here right now."""
    names = [path.stem for path in home.run_path.glob(f"{_name('*')}.pid")]
    found = {name: find_background(home.run_path, name) for name in names}
    return sorted(name.removeprefix(_name("")) for name, by in found.items() if by is not None and session_members(by))


def clear_abandoned_runs(home: LocalHome) -> None:
    """Clear the runs whose process was killed before it could clear up itself."""
    for path in home.run_path.glob(f"{_name('*')}.pid"):
        background = find_background(home.run_path, path.stem)
        if background is not None and not session_members(background):
            _clear(home, path.stem.removeprefix(_name("")))
            pid_path(home.run_path, path.stem).unlink(missing_ok=True)


def _clear(home: LocalHome, run: str) -> None:
    """In a process of its own: this one does not import Airflow, which takes seconds."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [str(home.airflow_python), "-m", "tools.run.end_run", DAG_ID, run],
            env=local_environment(home),
            timeout=120,
            check=True,
        )


def _name(run: str) -> str:
    return f"dag-run-{run}"

"""The errors of the command-line tools: each message says what, where and what to do."""

import sys
from collections.abc import Callable, Sequence


class ToolError(Exception):
    """Base class of all; a tool prints its message and exits with 1."""


def run_tool(main: Callable[[Sequence[str]], int | None]) -> None:
    """Run a tool's `main` on the words of the command line, and end the program with its status."""
    try:
        sys.exit(main(sys.argv[1:]))
    except ToolError as error:
        sys.exit(f"ERROR {type(error).__name__}: {error}")


class PortInUseError(ToolError):
    """Something else listens on the port of a service."""

    def __init__(self, port: int, service: str, variable: str) -> None:
        self.port, self.service, self.variable = port, service, variable
        super().__init__(
            f"port {port} on 127.0.0.1 is in use by something that is not {service}; "
            f"end it, or take another port: {variable}={port + 1} make ..."
        )


class ServiceNotHealthyError(ToolError):
    """A service ended, or did not become healthy in time."""

    def __init__(self, service: str, what: str, log_path: object, tail: str) -> None:
        self.service = service
        super().__init__(f"{service} {what}; its log is {log_path}, and ends with:\n{tail}")


class ServicesInUseError(ToolError):
    """A `make run` or `make compare` uses the services that it started, which run no DAG by its schedule."""

    def __init__(self, then: str) -> None:
        super().__init__(
            "a `make run` or `make compare` uses the services that it started, and stops them when it ends; "
            f"wait for it, or end it by Ctrl-C there, then: {then}"
        )


class SourceError(ToolError):
    """The photographs cannot be brought in."""


class BringError(ToolError):
    """A file of this machine cannot be brought into the bucket."""


class WeightsFileError(ToolError):
    """A weights file that was named cannot be brought in."""


class CompareError(ToolError):
    """What should be compared cannot be told, or one of the runs has failed."""


class LabelsFileError(ToolError):
    """A labels file that was named cannot be brought in."""


class AirflowApiError(ToolError):
    """The running Airflow refused a request, or did not answer."""


class RunRefusedError(ToolError):
    """The params of a DAG run are not those that the DAG takes."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the run was refused before its first task: {reason}")


class DagPausedError(ToolError):
    """The DAG was paused by a person, so a run of it would wait for ever."""

    def __init__(self, dag_id: str, url: str) -> None:
        super().__init__(f"the DAG {dag_id} is paused: make up, switch it on in {url}/dags/{dag_id}, and run again")


class DagImportError(ToolError):
    """The file of a DAG cannot be imported."""

    def __init__(self, path: str, stack_trace: str) -> None:
        super().__init__(f"{path} cannot be imported; mend it, and run again:\n{stack_trace}")

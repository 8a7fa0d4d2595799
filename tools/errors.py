"""The errors of the command-line tools: each message says what, where and what to do."""


class ToolError(Exception):
    """Base of all; a tool prints its message and exits 1."""


class PortInUseError(ToolError):
    """Something else listens where a service should."""

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


class SourceError(ToolError):
    """The photographs cannot be brought in."""


class WeightsFileError(ToolError):
    """A weights file that was named cannot be brought in."""


class RunIsBusyError(ToolError):
    """A `make run` makes a run that would get into another's way."""

    def __init__(self, run: str) -> None:
        self.run = run
        super().__init__(f"the run {run} is being made by a `make run`; wait for it, or end it by Ctrl-C there")


class AirflowApiError(ToolError):
    """The running Airflow refused a request."""

"""The errors that the pure modules raise: a deployment or a run that cannot work, said before anything is made."""


class PipelineError(ValueError):
    """Something the user can put right; the message says what, where and how."""


class SettingsError(PipelineError):
    """An environment variable holds what it cannot hold."""

    def __init__(self, variable: str, value: str, remedy: str) -> None:
        self.variable, self.value = variable, value
        super().__init__(f"{variable}={value!r}: {remedy}")


class ParamsError(PipelineError):
    """The run's params contradict one another, or ask for what cannot be."""


class CodeNotFoundError(PipelineError):
    """The code that the cluster runs is not where it was looked for."""


class ReportRefusedError(PipelineError):
    """A run's audit did not pass, or is not complete: nothing is published."""


class InventoryError(PipelineError):
    """A listing that cannot be compared with another."""

"""Errors of the pure modules: a deployment or a run that cannot work, refused before anything is made."""

from collections.abc import Sequence


class PipelineError(ValueError):
    """Mistake that the user can correct; the message says what, where and how."""


class SettingsError(PipelineError):
    """Environment variable with a value that it cannot have."""

    def __init__(self, variable: str, value: str, remedy: str) -> None:
        self.variable, self.value = variable, value
        super().__init__(f"{variable}={value!r}: {remedy}")


class ParamsError(PipelineError):
    """Params of a run that contradict one another, or ask for something impossible."""


class AnotherIdentityError(PipelineError):
    """Run that nobody triggered, and whose vectors would be others than those that are published."""

    def __init__(self, snapshot: str, changes: Sequence[str]) -> None:
        self.snapshot, self.changes = snapshot, tuple(changes)
        super().__init__(
            f"nobody triggered this run, and its vectors would not be those of snapshot {snapshot}: "
            f"{'; '.join(changes)}. To go on with what is published, take the change back (a setting "
            "FRUIT_FEATURES_<PARAM>, the weights, or the code). To change it, trigger fruit_features by hand with the "
            "new params: later runs repeat what that run publishes"
        )


class WeightsUnavailableError(PipelineError):
    """Weights that cannot be had, found out before there is a cluster."""


class CodeNotFoundError(PipelineError):
    """Code for the cluster that is not where it was looked for."""


class WheelsMissingError(PipelineError):
    """Wheels from which the nodes of a cluster would be installed, and that are not there."""


class ReportRefusedError(PipelineError):
    """Audit of a run that did not pass or is not complete, so nothing is published."""


class PublishedRunError(PipelineError):
    """Attempt to write over a run that is published."""

    def __init__(self, run_uri: str, snapshot: str) -> None:
        self.run_uri, self.snapshot = run_uri, snapshot
        super().__init__(
            f"{run_uri} is published as snapshot {snapshot}, and what is published is never rewritten: trigger a new "
            "run under another name, with the param force if nothing changed. Vectors are kept, so that takes minutes"
        )


class RollbackRefusedError(PipelineError):
    """Rollback to a snapshot that cannot be gone back to, or that somebody else's change has overtaken."""


class TakenBackError(PipelineError):
    """Run that began before readers were taken back to an earlier snapshot, and would undo that."""


class NoRatesError(PipelineError):
    """Network of one's own of which nobody knows how fast it is."""

    def __init__(self, weights: str) -> None:
        super().__init__(
            f"nobody has measured the network {weights}: publish a run of it on a cluster, without max_cost"
        )


class InventoryError(PipelineError):
    """Listing that cannot be compared with another."""

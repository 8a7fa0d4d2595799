"""Errors for requests that EMR refuses, in EMR's own words and codes."""

from moto.core.exceptions import ServiceException


class InvalidRequestError(ServiceException):
    code = "InvalidRequestException"


class ValidationError(ServiceException):
    code = "ValidationException"


class UnknownOperationError(ServiceException):
    code = "UnknownOperationException"


class MalformedRequestError(ServiceException):
    code = "SerializationException"


class NoSuchClusterError(InvalidRequestError):
    def __init__(self, cluster_id: str) -> None:
        super().__init__(f"Cluster id '{cluster_id}' is not valid.")


class NoSuchStepError(InvalidRequestError):
    def __init__(self, step_id: str) -> None:
        super().__init__(f"Step id '{step_id}' is not valid.")


class NoSuchJobFlowError(ValidationError):
    """An error of the older half of the API, which calls a cluster a job flow and has another code."""

    def __init__(self) -> None:
        super().__init__("Specified job flow ID does not exist.")


class ClusterEndedError(ValidationError):
    def __init__(self) -> None:
        super().__init__("A job flow that is shutting down, terminated, or finished may not be modified.")


class TerminationProtectedError(ValidationError):
    def __init__(self) -> None:
        super().__init__("Could not shut down one or more job flows since they are termination protected.")

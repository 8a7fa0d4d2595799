"""What a task makes of a refusal by the pure rooms."""

from collections.abc import Iterator
from contextlib import contextmanager

from emr_pipeline.errors import PipelineError
from emr_pipeline.task.airflow_compat import AirflowFailException


@contextmanager
def refused_for_good() -> Iterator[None]:
    """Fail the task, without a retry, where a PipelineError says that a person has to do something."""
    try:
        yield
    except PipelineError as error:
        raise AirflowFailException(str(error)) from error

"""Operator that removes what a run that has published makes superfluous."""

from typing import Any

from airflow.sdk import Context

from emr_pipeline.operators.s3_operator import S3Operator
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.remove import remove_images, remove_old_runs
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.airflow_compat import AirflowSkipException
from emr_pipeline.task.dag_run import run_layout


class RemoveOldRunsOperator(S3Operator):
    """Operator that keeps the runs of the newest snapshots; it returns the snapshots whose runs it removed.

    Of those that it keeps it removes `images/`, which a run needs until its features are there and no longer.

    FRUIT_FEATURES_KEEP_SNAPSHOTS says how many are kept. In the DAG this task is a teardown without a setup: if it
    fails, the task is red, but not the run, whose result is published. The next run removes what it left.
    """

    template_fields = (*S3Operator.template_fields, "published")

    def __init__(self, *, settings: Settings, published: str, **kwargs: Any) -> None:
        super().__init__(settings=settings, **kwargs)
        self.published = published

    def execute(self, context: Context) -> list[str]:
        if not self.published:
            # A teardown runs whatever happened before it.
            raise AirflowSkipException("this run has published nothing: what is kept stays as it is")
        keep = self.settings.keep_snapshots
        own = run_layout(context, self.settings)
        published = Published(self.hook.conn, self.settings.bucket)
        removed = remove_old_runs(published, keep, own)
        self.log.info("The newest %d snapshots are kept; %d runs were removed", keep, len(removed))
        self.log.info("Removed the %d files of photographs that published runs had packed", remove_images(published))
        return removed

"""Clusters that an earlier endpoint left on disk, which are read when the endpoint starts again."""

import logging
from pathlib import Path

from local_aws.emr.node.environment import CLUSTER_VARIABLE
from local_aws.emr.node.session_process import end_marked
from local_aws.emr.state.cluster_folder import ClusterFolder
from local_aws.emr.state.records import ClusterRecord, StateChangeReason, StepFailure, now

logger = logging.getLogger(__name__)


def read_clusters(work_root: Path) -> list[ClusterRecord]:
    """Read the clusters, and end those that lived, as EMR ends a cluster whose instances are gone.

    What another version wrote or a crash damaged is set aside: it must not stop the endpoint.
    """
    records = []
    for path in sorted(work_root.glob("j-*/cluster.json")):
        folder = ClusterFolder(path.parent)
        try:
            record = folder.load()
        except ValueError as error:
            end_marked(CLUSTER_VARIABLE, folder.path.name)
            aside = path.replace(path.with_suffix(".unreadable"))
            logger.warning("%s is not readable (%s) and was set aside; the cluster is forgotten", aside, error)
            continue
        if not record.has_ended:
            logger.warning("%s was lost with an earlier endpoint: ended", record.id)
            end_marked(CLUSTER_VARIABLE, record.id)
            _mark_lost(record)
            folder.save(record)
            folder.remove_scratch()
        records.append(record)
    return records


def _mark_lost(record: ClusterRecord) -> None:
    record.ended_at = now()
    for step in record.active_steps:
        step.ended_at = record.ended_at
        if step.state == "PENDING":
            step.state = "CANCELLED"
        else:
            step.state = "FAILED"
            step.failure = StepFailure("Unknown Error.", "The local endpoint stopped while the step ran", None)
    record.state = "TERMINATED_WITH_ERRORS"
    record.reason = StateChangeReason("INTERNAL_ERROR", "The local endpoint stopped while the cluster lived")

"""Clusters that an earlier endpoint left on disk, which are read when the endpoint starts again."""

from __future__ import annotations

import logging
from pathlib import Path

from local_aws.emr.node.environment import CLUSTER_VARIABLE
from local_aws.emr.node.session_process import end_marked
from local_aws.emr.state.cluster_folder import ClusterFolder
from local_aws.emr.state.records import ClusterRecord, StateChangeReason, StepFailure, now

logger = logging.getLogger(__name__)


def load_clusters(work_root: Path) -> list[ClusterRecord]:
    """Read every cluster that an earlier endpoint left and this one can read."""
    folders = [ClusterFolder(path.parent) for path in sorted(work_root.glob("j-*/cluster.json"))]
    return [record for folder in folders if (record := _load(folder))]


def _load(folder: ClusterFolder) -> ClusterRecord | None:
    """Read a record, or set aside what another version wrote or a crash damaged: it must not stop the endpoint."""
    try:
        return folder.load()
    except ValueError as error:
        end_marked(CLUSTER_VARIABLE, folder.path.name)
        aside = folder.state_path.replace(folder.state_path.with_suffix(".unreadable"))
        logger.warning("%s is not readable (%s) and was set aside; the cluster is forgotten", aside, error)
        return None


def end_lost_clusters(work_root: Path) -> None:
    """End what an endpoint that was killed left running, as EMR ends a cluster whose instances are gone."""
    for record in load_clusters(work_root):
        if not record.has_ended:
            logger.warning("%s was lost with an earlier endpoint: ended", record.id)
            end_marked(CLUSTER_VARIABLE, record.id)
            _mark_lost(record)
            folder = ClusterFolder(work_root / record.id)
            folder.save(record)
            folder.remove_scratch()


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

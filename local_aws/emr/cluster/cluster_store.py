"""Clusters on disk, which are written at every change and read when the endpoint starts again."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from local_aws.emr.node.environment import CLUSTER_VARIABLE
from local_aws.emr.node.session_process import end_marked
from local_aws.emr.state.cluster_folder import ClusterFolder
from local_aws.emr.state.records import (
    CANCELLED,
    FAILED,
    PENDING,
    TERMINATED_WITH_ERRORS,
    ClusterRecord,
    StateChangeReason,
    StepFailure,
    now,
)

logger = logging.getLogger(__name__)


class ClusterStore:
    """The JSON files of all clusters, one each."""

    def __init__(self, work_root: Path) -> None:
        self._work_root = work_root

    def folder(self, cluster_id: str) -> ClusterFolder:
        return ClusterFolder(self._work_root / cluster_id)

    def save(self, record: ClusterRecord) -> None:
        """Write a record. The caller holds the cluster's lock. A full disk costs only what a restart would know."""
        path = self.folder(record.id).state_path
        unfinished = path.with_suffix(".unfinished")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(record.to_json(), indent=1))
            unfinished.replace(path)
        except OSError as error:
            logger.error("the state of the cluster could not be written to %s: %s", path, error)

    def load(self) -> list[ClusterRecord]:
        """Read every cluster that an earlier endpoint left and this one can read."""
        paths = sorted(self._work_root.glob("j-*/cluster.json"))
        return [record for path in paths if (record := _read(path))]

    def end_lost_clusters(self) -> None:
        """End what an endpoint that was killed left running, as EMR ends a cluster whose instances are gone."""
        for record in self.load():
            if not record.has_ended:
                logger.warning("%s was lost with an earlier endpoint: ended", record.id)
                end_marked(CLUSTER_VARIABLE, record.id)
                mark_lost(record)
                self.save(record)
                self.folder(record.id).remove_scratch()


def _read(path: Path) -> ClusterRecord | None:
    """Read a record, or set aside what another version wrote or a crash damaged: it must not stop the endpoint."""
    try:
        return ClusterRecord.from_json(json.loads(path.read_text()))
    except (ValueError, TypeError, KeyError) as error:
        end_marked(CLUSTER_VARIABLE, path.parent.name)
        aside = path.replace(path.with_suffix(".unreadable"))
        logger.warning("%s is not readable (%s) and was set aside; the cluster is forgotten", aside, error)
        return None


def mark_lost(record: ClusterRecord) -> None:
    ended_at = now()
    message = "The local endpoint stopped while the cluster lived"
    for step in record.steps:
        if step.is_active:
            if step.state == PENDING:
                step.state = CANCELLED
            else:
                step.state = FAILED
                step.failure = StepFailure("Unknown Error.", "The local endpoint stopped while the step ran", None)
            step.ended_at = ended_at
    record.state, record.ended_at = TERMINATED_WITH_ERRORS, ended_at
    record.reason = StateChangeReason("INTERNAL_ERROR", message)

"""The objects under published/: the pointer that readers follow, and one document for each snapshot there ever was."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from emr_pipeline.errors import PipelineError, PublishedRunError
from emr_pipeline.run.layout import RunLayout, card_uri, object_of, published_uri, snapshot_uri
from emr_pipeline.run.stages import STAGES
from emr_pipeline.s3.objects import etags_under, find_json, head, read_json, update_json
from emr_pipeline.snapshots.snapshot import snapshot_id

logger = logging.getLogger(__name__)

Snapshot = dict[str, Any]
Change = Callable[[Snapshot | None], Snapshot | None]
"""What a document becomes; null if it stays as it is."""

READERS = 8


class Published:
    """Published snapshots of one bucket.

    Every write is conditional on what was read before it, so that neither of two writers undoes the other's work.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3, self.bucket = s3, bucket
        self.uri = published_uri(bucket)

    def latest(self) -> Snapshot | None:
        """Return what readers see now, null if nothing is published."""
        return self._pointer(*find_json(self.s3, self.uri))

    def point(self, change: Change) -> Any:
        """Change the pointer, and return what readers see then."""
        return update_json(self.s3, self.uri, lambda *found: change(self._pointer(*found)))

    def document(self, snapshot: str) -> Snapshot | None:
        """Return a snapshot's own document; null if there is none, or if something else has its name."""
        return _own(snapshot, find_json(self.s3, snapshot_uri(self.bucket, snapshot))[0])

    def update(self, snapshot: str, change: Change) -> Snapshot | None:
        """Change a snapshot's own document, and return it."""
        uri = snapshot_uri(self.bucket, snapshot)
        return _own(snapshot, update_json(self.s3, uri, lambda found, _: change(_own(snapshot, found))))

    def keep(self, snapshot: Snapshot) -> None:
        """Make the snapshot's own document say this."""
        self.update(str(snapshot["snapshot"]), lambda found: None if found == snapshot else snapshot)

    def write_card(self, snapshot: Snapshot, card: str) -> None:
        """Write the snapshot's data card, a page for people; a repeated task writes the same again."""
        uri = card_uri(self.bucket, str(snapshot["snapshot"]))
        self.s3.put_object(**object_of(uri), Body=card.encode(), ContentType="text/markdown; charset=utf-8")

    def documents(self) -> list[Snapshot]:
        """Return the document of every snapshot there ever was, in no order."""
        folder, _, pointer = self.uri.rpartition("/")
        names = [name for name in etags_under(self.s3, folder) if name.endswith(".json") and name != pointer]
        with ThreadPoolExecutor(READERS) as pool:
            read = list(pool.map(self.document, (name.removesuffix(".json") for name in names)))
        return [document for document in read if document is not None]

    def refuse_rewrite(self, layout: RunLayout) -> None:
        """Raise PublishedRunError if this run is a snapshot, and not every object of it is removed."""
        for snapshot in (self.latest(), *self.documents()):
            if snapshot and snapshot.get("run_uri") == layout.run_uri and "removed_objects" not in snapshot:
                raise PublishedRunError(layout.run_uri, snapshot["snapshot"])

    def is_whole(self, snapshot: Mapping[str, Any]) -> bool:
        """Return whether the run's folder still holds what was published: its audit and every stage's statistics.

        A removal deletes the statistics first, and another run of the same name writes another audit.
        """
        layout = RunLayout.of_uri(str(snapshot.get("run_uri")))
        if layout is None or snapshot.get("removed_at"):
            return False
        validation = read_json(self.s3, layout.validation_uri)
        if validation is None or snapshot_id(layout.run_uri, validation) != snapshot["snapshot"]:
            return False
        stages = list(snapshot.get("counts", {})) or [stage.name for stage in STAGES]
        return all(head(self.s3, layout.stats_uri(stage)) for stage in stages)

    def _pointer(self, content: Any, answer: Mapping[str, Any]) -> Snapshot | None:
        if answer and not _is_snapshot(content):
            raise PipelineError(f"{self.uri} is no snapshot: put back the former version of this object")
        return content  # type: ignore[no-any-return]


def _is_snapshot(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("snapshot"), str)


def _own(snapshot: str, content: Any) -> Snapshot | None:
    """Return null for what is no document of this snapshot: a copy of another's, or another program's."""
    if content is not None and not (_is_snapshot(content) and content["snapshot"] == snapshot):
        logger.warning("Ignored: %s.json is not the document of the snapshot of this name", snapshot)
        return None
    return content  # type: ignore[no-any-return]

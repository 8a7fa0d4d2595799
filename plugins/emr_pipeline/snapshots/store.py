"""The objects under published/: the pointer that readers follow, and one document for each snapshot there ever was."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from emr_pipeline.errors import PublishedRunError
from emr_pipeline.run.layout import RunLayout, published_uri, snapshot_uri, split_uri
from emr_pipeline.run.stages import STAGES
from emr_pipeline.s3.objects import has_object, names_under, put_json_if, read_json, read_json_with_etag
from emr_pipeline.snapshots.snapshot import made_from, snapshot_id

Snapshot = dict[str, Any]
ATTEMPTS = 5
READERS = 8


class OvertakenError(RuntimeError):
    """Others wrote the same object first, several times in a row; a later try may succeed."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(f"{uri}: other runs were first {ATTEMPTS} times in a row; clear this task to try again")


class Published:
    """Published snapshots of one bucket.

    Every write is conditional on what was read before it, so that neither of two writers undoes the other's work.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3, self.bucket = s3, bucket
        self.uri = published_uri(bucket)

    def latest(self) -> tuple[Snapshot | None, str | None]:
        """Return what readers see now, and its ETag; two nulls if nothing is published."""
        return read_json_with_etag(self.s3, self.uri) or (None, None)

    def point_at(self, snapshot: Mapping[str, Any], etag: str | None) -> bool:
        """Replace the pointer that was read with this ETag; return False if somebody else did."""
        return put_json_if(self.s3, self.uri, snapshot, etag)

    def document(self, snapshot: str) -> tuple[Snapshot | None, str | None]:
        """Return a snapshot's own document and its ETag; two nulls if it has none."""
        return read_json_with_etag(self.s3, snapshot_uri(self.bucket, snapshot)) or (None, None)

    def documents(self) -> list[Snapshot]:
        """Return the document of every snapshot there ever was, in no order."""
        folder, _, pointer = self.uri.rpartition("/")
        names = [name for name in names_under(self.s3, folder) if name.endswith(".json") and name != pointer]
        with ThreadPoolExecutor(READERS) as pool:
            read = list(pool.map(lambda name: read_json(self.s3, f"{folder}/{name}"), names))
        return [document for document in read if document is not None]

    def keep(self, snapshot: Mapping[str, Any]) -> None:
        """Make the snapshot's own document say this; raise OvertakenError if others keep changing it."""
        for _ in range(ATTEMPTS):
            found, etag = self.document(str(snapshot["snapshot"]))
            if found == snapshot or self.replace_document(snapshot, etag):
                return
        raise OvertakenError(snapshot_uri(self.bucket, str(snapshot["snapshot"])))

    def replace_document(self, snapshot: Mapping[str, Any], etag: str | None) -> bool:
        """Replace the snapshot's own document that was read with this ETag; return False if somebody else did."""
        return put_json_if(self.s3, snapshot_uri(self.bucket, str(snapshot["snapshot"])), snapshot, etag)

    def refuse_rewrite(self, layout: RunLayout) -> None:
        """Raise PublishedRunError if this run is the latest snapshot, or an earlier one that is not yet removed."""
        latest, _ = self.latest()
        if latest and latest.get("run_uri") == layout.run_uri:
            raise PublishedRunError(layout.run_uri, latest["snapshot"])
        validation = read_json(self.s3, layout.validation_uri)
        if validation is None:
            return
        document, _ = self.document(snapshot_id(layout.run_uri, validation))
        if document and "removed_objects" not in document:
            raise PublishedRunError(layout.run_uri, document["snapshot"])

    def is_whole(self, snapshot: Mapping[str, Any]) -> bool:
        """Return whether the run's folder still holds what was published: its audit and every stage's statistics.

        A removal deletes the statistics first, and another run of the same name writes another audit.
        """
        layout = RunLayout.of_uri(str(snapshot.get("run_uri")))
        if layout is None or snapshot.get("removed_at"):
            return False
        validation = read_json(self.s3, layout.validation_uri)
        stages = list(snapshot.get("counts", {})) or [stage.name for stage in STAGES]
        return made_from(snapshot, validation) and all(
            has_object(self.s3, *split_uri(layout.stats_uri(stage))) for stage in stages
        )

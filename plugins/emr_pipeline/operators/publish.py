"""Operator that publishes a run that passed its audit: first its own document, then the pointer."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, Context
from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.operators.check_run import FORECAST, LABELS_ETAG, LAST_ROLLBACK, WEIGHTS_ETAG
from emr_pipeline.operators.s3_operator import S3Operator
from emr_pipeline.run.layout import published_uri
from emr_pipeline.run.stages import STAGES
from emr_pipeline.s3.objects import read_json
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.data_card import data_card
from emr_pipeline.snapshots.news import publication, surge_of_rejects
from emr_pipeline.snapshots.rollback import refuse_taken_back
from emr_pipeline.snapshots.snapshot import Origin, snapshot_of
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.dag_run import emr_client, run_costs, run_id, run_layout
from emr_pipeline.task.links import ExplorerLink, ReportLink, RunFolderLink, persist_run_links
from emr_pipeline.task.messages import tell
from emr_pipeline.task.refusal import refused_for_good
from emr_pipeline.task.run_params import left_by_check_run, params_of_run


def published_asset(settings: Settings) -> Asset:
    """Return the asset on which DAGs that use the features are scheduled."""
    return Asset(name="fruit_features", uri=published_uri(settings.bucket))


class PublishOperator(S3Operator):
    """Operator that points published/latest.json at this run and updates the asset; it returns the snapshot's id."""

    operator_extra_links = (ReportLink(), ExplorerLink(), RunFolderLink())
    template_fields = (*S3Operator.template_fields, "code_uri")

    def __init__(self, *, settings: Settings, code_uri: str, **kwargs: Any) -> None:
        super().__init__(settings=settings, outlets=[published_asset(settings)], **kwargs)
        self.code_uri = code_uri

    @refused_for_good()
    def execute(self, context: Context) -> str:
        persist_run_links(context, self)
        layout = run_layout(context, self.settings)
        stats = {stage.name: read_json(self.hook.conn, layout.stats_uri(stage.name)) for stage in STAGES}
        validation = read_json(self.hook.conn, layout.validation_uri)
        etags = {key: left_by_check_run(context, key) for key in (WEIGHTS_ETAG, LABELS_ETAG)}
        origin = Origin.of(params_of_run(context), self.code_uri, **etags)
        now = datetime.now(UTC)
        snapshot = snapshot_of(layout, run_id(context), origin, validation, stats, now)
        licence = params_of_run(context).get("licence")
        known_rollback = left_by_check_run(context, LAST_ROLLBACK) or ""
        published = self._publish(snapshot | {"licence": licence} | self._costs(context, now), known_rollback)
        self._tell(published, validation)
        extra = {name: published[name] for name in ("snapshot", "run_uri", "counts")}
        context["outlet_events"][published_asset(self.settings)].extra = extra
        Published(self.hook.conn, self.settings.bucket).write_card(published, data_card(published, validation))
        return str(published["snapshot"])

    def _costs(self, context: Context, now: datetime) -> dict[str, Any]:
        """Return what the run was foreseen to cost, and has cost until now; the cluster goes on for a moment.

        A run is published although its cost cannot be known.
        """
        found = {"forecast": left_by_check_run(context, FORECAST), "cost_so_far": None}
        try:
            costs = run_costs(context, self, emr_client(self), until=now)
        except (BotoCoreError, ClientError) as error:
            self.log.warning("What this run has cost is not known: %s", error)
            return found
        return found | ({"cost_so_far": round(sum(entry["dollars"] for entry in costs), 4)} if costs else {})

    def _tell(self, snapshot: dict[str, Any], validation: dict[str, Any]) -> None:
        if not self.settings.messages:
            return
        previous = snapshot.get("previous")
        before = previous and Published(self.hook.conn, self.settings.bucket).document(previous)
        tell(self, publication(snapshot, before, validation))
        surge = surge_of_rejects(snapshot, before)
        if surge:
            tell(self, surge)

    def _publish(self, snapshot: dict[str, Any], known_rollback: str) -> dict[str, Any]:
        """Write the snapshot's own document, then the pointer, so whoever follows the pointer finds a document."""
        published = Published(self.hook.conn, self.settings.bucket)

        def following(current: dict[str, Any] | None) -> dict[str, Any] | None:
            if current:
                # It may have been published before snapshots had documents of their own.
                published.keep(current)
            if current and current["snapshot"] == snapshot["snapshot"]:
                # An earlier attempt of this task has already written it.
                return None
            refuse_taken_back(current, known_rollback, snapshot["run_uri"])
            candidate = snapshot | {"previous": current and current["snapshot"]}
            published.keep(candidate)
            return candidate

        found: dict[str, Any] = published.point(following)
        self.log.info("%s now says snapshot %s, before %s", published.uri, found["snapshot"], found.get("previous"))
        return found

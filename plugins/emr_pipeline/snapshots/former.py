"""How long the stages of the published run took, for a run that goes on."""

from emr_pipeline.run.end_forecast import scaled
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import STAGES
from emr_pipeline.s3.objects import read_json
from emr_pipeline.snapshots.store import Published
from run_contract.stages import INGEST


def former_seconds(published: Published, layout: RunLayout) -> dict[str, float]:
    """Return the seconds that this run's stages will take, as far as the published run says it."""
    former = RunLayout.of_uri(str((published.latest() or {}).get("run_uri")))
    if former is None:
        return {}
    stats = {stage.name: read_json(published.s3, former.stats_uri(stage.name)) or {} for stage in STAGES}
    own = read_json(published.s3, layout.stats_uri(INGEST)) or {}
    return scaled(stats, own.get("rows_out"))

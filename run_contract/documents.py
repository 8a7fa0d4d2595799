"""The JSON documents of a run.

What could not be measured, or is not known, is null. Times are in UTC, as in 2026-11-20T16:00:00Z.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

State = Literal["running", "done", "failed"]


class StatsDocument(TypedDict):
    """`runs/<run>/stats/<stage>.json`: what a stage says of itself when it is complete."""

    stage: Annotated[str, "the stage's name"]
    rows_in: Annotated[int, "rows that it read: objects, images or features"]
    rows_out: Annotated[int, "rows that it wrote"]
    rejects: Annotated[dict[str, int], "number of rejects by reason"]
    seconds: Annotated[float, "how long it took"]
    started_at: Annotated[str, "when it began"]
    finished_at: Annotated[str, "when it ended"]
    arguments: Annotated[dict[str, Any], "its whole command line, defaults too"]
    versions: Annotated[dict[str, str], "versions of Python, Spark and the packages that it computes with"]
    details: Annotated[dict[str, Any], "what only this stage has to say"]


class ProgressDocument(TypedDict):
    """`runs/<run>/progress/<stage>.json`: how far a stage is; fresh while it runs."""

    stage: Annotated[str, "the stage's name"]
    state: Annotated[State, "whether it goes on, and how it ended"]
    done: Annotated[int, "how many units are done"]
    total: Annotated[int | None, "how many units there are; null until that is known"]
    unit: Annotated[str, "what is counted"]
    updated_at: Annotated[str, "when this was written"]


class CheckDocument(TypedDict):
    """One entry of `checks` in `validation.json`."""

    name: Annotated[str, "the check's name"]
    kind: Annotated[Literal["hard", "soft"], "a hard check fails the run, a soft one warns"]
    verdict: Annotated[Literal["passed", "failed", "warned", "skipped"], "what came of it"]
    value: Annotated[float | int | str | None, "what was measured"]
    limit: Annotated[float | int | str | None, "what it was held against"]
    advice: Annotated[str, "what to do, or why nothing was checked; empty where it passed"]


class ValidationDocument(TypedDict):
    """`runs/<run>/report/validation.json`: the audit of a run."""

    verdict: Annotated[Literal["passed", "failed"], "passed if no hard check failed"]
    run_uri: Annotated[str, "the run's folder"]
    summary: Annotated[dict[str, Any], "the run in numbers, which the next run compares its own with"]
    checks: Annotated[list[CheckDocument], "every check, in the report's order"]


class RollbackDocument(TypedDict):
    """One entry of `rollbacks` in a snapshot's document: readers were taken back to this snapshot."""

    instead_of: Annotated[str, "the snapshot that readers saw until then"]
    at: Annotated[str, "when that was"]
    by: Annotated[str | None, "who asked for it; null if Airflow does not say it"]
    dag_run_id: Annotated[str, "Airflow's id of the run that did it"]
    why: Annotated[str | None, "the reason that was given"]


class SnapshotDocument(TypedDict):
    """`published/<snapshot>.json`, and `published/latest.json`, the pointer that readers follow."""

    schema_version: Annotated[int, "version of this document"]
    snapshot: Annotated[str, "the snapshot's id: the same run with the same audit has the same"]
    run: Annotated[str, "the run's name"]
    dag_run_id: Annotated[str, "Airflow's id of the run"]
    run_uri: Annotated[str, "the run's folder"]
    manifest_uri: Annotated[str, "the list of the run's objects"]
    rejects_uri: Annotated[str, "what was set aside and why"]
    features_uri: Annotated[str, "a feature vector of each image"]
    pca_features_uri: Annotated[str, "the reduced vector of each image"]
    pca_features_csv_uri: NotRequired[Annotated[str, "the same as a table; only where the run wrote one"]]
    model_uri: Annotated[str, "the StandardScaler and PCA"]
    inventory_uri: Annotated[str, "the listing that the manifest was made from"]
    groups_uri: NotRequired[Annotated[str, "the near-duplicates of each image; not in snapshots before 0.3.0"]]
    looks_uri: NotRequired[Annotated[str, "the size, quality and thumbnail of each image; not before 0.3.0"]]
    suspects_uri: NotRequired[Annotated[str, "the doubtful labels; not in snapshots before 0.3.0"]]
    report_uri: Annotated[str, "the page of the report"]
    explorer_uri: NotRequired[Annotated[str, "the page with the map of the photographs; not before 0.3.0"]]
    source_uri: Annotated[str, "the prefix of the photographs"]
    licence: NotRequired[Annotated[str | None, "what is said of the photographs' licence; not before 0.3.0"]]
    params: Annotated[dict[str, Any], "the params that decide what comes out"]
    code_uri: Annotated[str, "the code of the stages"]
    code_version: Annotated[str, "the code's version"]
    weights_etag: Annotated[str | None, "ETag of weights of one's own"]
    labels_etag: NotRequired[Annotated[str | None, "ETag of the labels file"]]
    identity: Annotated[dict[str, Any] | None, "what vectors must share to be comparable with these"]
    vectors: Annotated[dict[str, int] | None, "how many vectors were computed, and how many were there before"]
    model: Annotated[dict[str, Any] | None, "which model this is, where it was fitted, and why"]
    counts: Annotated[dict[str, dict[str, Any]], "rows_in, rows_out and rejects of each stage"]
    summary: Annotated[dict[str, Any], "as in `validation.json`"]
    forecast: NotRequired[Annotated[dict[str, Any] | None, "size, minutes and dollars that `check_run` foresaw"]]
    cost_so_far: NotRequired[Annotated[float | None, "dollars until it was published; `costs/<run>.json` has all"]]
    published_at: Annotated[str, "when it was published"]
    previous: Annotated[str | None, "the snapshot before"]
    rollbacks: NotRequired[Annotated[list[RollbackDocument], "each time that readers were taken back to it, in order"]]
    removed_at: NotRequired[Annotated[str, "when the run's files were removed"]]
    removed_objects: NotRequired[Annotated[int | None, "how many objects that were; absent until all are gone"]]


class ClusterCostDocument(TypedDict):
    """One entry of `clusters` in `costs/<run>.json`."""

    cluster_id: Annotated[str, "EMR's id of the cluster"]
    dag_run_id: Annotated[str, "Airflow's id of the run that made it; a name may be used again"]
    created_at: Annotated[str | None, "when it was made"]
    ended_at: Annotated[str | None, "when it had ended"]
    units: Annotated[dict[str, int], "its instances by `ON_DEMAND` and `SPOT`; a 2xlarge counts as two"]
    unit_hours: Annotated[dict[str, float], "their hours, counted in the same way"]
    dollars_per_hour: Annotated[dict[str, float], "the prices of an hour of one unit that were set then"]
    dollars: Annotated[float, "hours times prices"]


class CostDocument(TypedDict):
    """`costs/<run>.json`: what a run cost, from EMR's list of instances when its cluster had ended."""

    run: Annotated[str, "the run's name"]
    clusters: Annotated[list[ClusterCostDocument], "every cluster that is known, the oldest first"]


DOCUMENTS = (
    StatsDocument,
    ProgressDocument,
    ValidationDocument,
    CheckDocument,
    SnapshotDocument,
    RollbackDocument,
    CostDocument,
    ClusterCostDocument,
)

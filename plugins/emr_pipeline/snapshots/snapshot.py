"""The document of a snapshot, made from a run's audit; nothing here touches S3."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emr_pipeline.errors import ReportRefusedError
from emr_pipeline.run.layout import RunLayout
from run_contract.documents import SnapshotDocument
from run_contract.moments import text_of
from run_contract.param_queries import deciding
from run_contract.stages import FEATURIZE, PLACES, REDUCE

SCHEMA_VERSION = 3


@dataclass(frozen=True)
class Origin:
    """What a run is made of, without the photographs: two runs of equal origin on the same objects come out the same.

    `params` are those that decide; `weights_etag` is that of weights of one's own, null for those that have a name,
    and `labels_etag` that of a labels file, null where there is none.
    """

    source_uri: str
    params: Mapping[str, Any]
    code_uri: str
    weights_etag: str | None = None
    labels_etag: str | None = None

    @classmethod
    def of(
        cls, params: Mapping[str, Any], code_uri: str, weights_etag: str | None, labels_etag: str | None = None
    ) -> "Origin":
        """Return the origin of a DAG run with these params."""
        return cls(params["source_uri"].rstrip("/"), deciding(params), code_uri, weights_etag, labels_etag)

    @property
    def code_version(self) -> str:
        return self.code_uri.rpartition("/")[2]

    def differences(self, published: Mapping[str, Any]) -> list[str]:
        """List what keeps a published snapshot from being this run's result, whatever the photographs."""
        found = []
        if published.get("source_uri") != self.source_uri:
            found.append(f"source_uri is {self.source_uri}, not {_known(published, 'source_uri')}")
        before = published.get("params") or {}
        for name, value in self.params.items():
            if name not in before or before[name] != value:
                found.append(f"{name} is {value!r}, not {_known(before, name)}")
        if published.get("code_uri") != self.code_uri:
            found.append(f"the code is {self.code_version}, not {_known(published, 'code_version')}")
        if published.get("weights_etag") != self.weights_etag:
            found.append("the weights file has changed")
        if published.get("labels_etag") != self.labels_etag:
            found.append("the labels file has changed")
        return found


def snapshot_of(
    layout: RunLayout,
    dag_run_id: str,
    origin: Origin,
    validation: Mapping[str, Any] | None,
    stats: Mapping[str, Mapping[str, Any] | None],
    published_at: datetime,
) -> dict[str, Any]:
    """Return the snapshot that a run makes.

    `stats` are the stages' statistics by stage, null for one that has none. Raises ReportRefusedError unless the run's
    audit passed and every stage is complete.
    """
    checked = _passed(layout, validation)
    incomplete = [stage for stage, of_stage in stats.items() if of_stage is None]
    if incomplete:
        raise ReportRefusedError(
            f"{layout.run_uri}: {', '.join(incomplete)} left no statistics, so the stage is not complete; clear it"
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "snapshot": snapshot_id(layout.run_uri, checked),
        "run": layout.run,
        "dag_run_id": dag_run_id,
        "run_uri": layout.run_uri,
        **_uris(layout, origin.params["formats"]),
        "source_uri": origin.source_uri,
        "params": dict(origin.params),
        "code_uri": origin.code_uri,
        "code_version": origin.code_version,
        "weights_etag": origin.weights_etag,
        "labels_etag": origin.labels_etag,
        **_stage_facts({stage: of_stage or {} for stage, of_stage in stats.items()}),
        "summary": checked.get("summary", {}),
        "published_at": text_of(published_at),
        "previous": None,
    }


def inventory_of(published: Mapping[str, Any] | None, source_uri: str) -> str | None:
    """Return where the published listing of this source lies; null if none is known, so that everything is new."""
    if not isinstance(published, Mapping) or str(published.get("source_uri", "")).rstrip("/") != source_uri.rstrip("/"):
        return None
    return published.get("inventory_uri")


def snapshot_id(run_uri: str, validation: Mapping[str, Any]) -> str:
    """Return the snapshot's id: the same run with the same audit has the same, however often it is published."""
    audit = json.dumps([run_uri, validation], sort_keys=True)
    return hashlib.sha256(audit.encode()).hexdigest()[:16]


def _passed(layout: RunLayout, validation: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if validation is None:
        raise ReportRefusedError(f"{layout.validation_uri} is not there: clear validate_run")
    if validation.get("verdict") != "passed":
        failed = [check["name"] for check in validation.get("checks", []) if check.get("verdict") == "failed"]
        raise ReportRefusedError(
            f"{layout.run_uri} did not pass its audit ({', '.join(failed) or 'no check is named'}): read "
            f"{layout.report_page_uri}; what is published stays as it is"
        )
    return validation


def _uris(layout: RunLayout, formats: Iterable[str]) -> dict[str, str]:
    named = [name.removesuffix("_uri") for name in SnapshotDocument.__annotations__ if name.endswith("_uri")]
    folders = [name for name in named if name in PLACES and (name != "pca_features_csv" or "csv" in formats)]
    pages = {"report_uri": layout.report_page_uri, "explorer_uri": layout.explorer_uri}
    return {f"{name}_uri": layout.uri(name) for name in folders} | pages


def _stage_facts(stats: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the stages found out; null where a stage did not say it."""
    details = {stage: of_stage.get("details", {}) for stage, of_stage in stats.items()}
    featurized, reduced = details.get(FEATURIZE, {}), details.get(REDUCE, {})
    return {
        "identity": featurized.get("identity"),
        "vectors": featurized.get("vectors"),
        "model": reduced.get("model"),
        "counts": {
            stage: {name: of_stage.get(name) for name in ("rows_in", "rows_out", "rejects")}
            for stage, of_stage in stats.items()
        },
    }


def _known(mapping: Mapping[str, Any], name: str) -> str:
    return repr(mapping[name]) if name in mapping else "known of what is published"

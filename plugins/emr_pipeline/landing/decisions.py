"""Pure: whether what has landed is worth a run, and what is written when it is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from emr_pipeline.emr.wait_messages import duration_text
from emr_pipeline.errors import ParamsError
from emr_pipeline.run.layout import split_uri
from emr_pipeline.s3.inventory import Changes

WRITTEN_FOLDERS = frozenset({"code", "feature_store", "landed", "logs", "models", "published", "runs"})
"""Of the project's own bucket."""


@dataclass(frozen=True)
class Signal:
    """The last signal that was given, as landed/latest.json says it."""

    digest: str
    by: str
    token: str
    """Tells a task that is repeated that the signal was its own; two deployments may have runs of one name."""
    age_s: float
    """By S3's own clock: this machine's may differ from the one that wrote it."""

    @classmethod
    def of(cls, document: Mapping[str, Any], age_s: float) -> "Signal":
        return cls(str(document["digest"]), str(document.get("by", "")), str(document.get("token", "")), age_s)


def check_source(source_uri: str, bucket: str) -> None:
    """Refuses a source that holds what runs write: each run would be the news that starts the next."""
    source_bucket, prefix = split_uri(source_uri.rstrip("/"))
    if source_bucket == bucket and prefix.split("/")[0] in {"", *WRITTEN_FOLDERS}:
        raise ParamsError(
            f"FRUIT_FEATURES_SOURCE_URI={source_uri}: runs write there, so what one writes would be new to the next, "
            f"and so on for ever; give a folder for photographs alone, s3://{bucket}/landing for example"
        )


def inventory_of(published: Mapping[str, Any] | None, source_uri: str) -> str | None:
    """Where the published listing of this source lies; null if none is known, and then everything is new."""
    if published is None or str(published.get("source_uri", "")).rstrip("/") != source_uri.rstrip("/"):
        return None
    return published.get("inventory_uri")


def signalled_already(digest: str, last: Signal | None, retry_s: int) -> str | None:
    """Why no signal is given for a listing: it was given less than `retry_s` ago. Null if one is due."""
    if last is None or last.digest != digest or last.age_s >= retry_s:
        return None
    return (
        f"run {last.by} has signalled this very listing {duration_text(last.age_s)} ago; should the run of "
        f"fruit_features have failed, clear it, or wait: it is signalled again {duration_text(retry_s)} after the first"
    )


def signal_document(changes: Changes, source_uri: str, by: str, token: str, signalled_at: datetime) -> dict[str, Any]:
    """What landed/latest.json says."""
    counts = asdict(changes)
    return {
        "digest": counts.pop("digest"),
        "signalled_at": signalled_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "by": by,
        "token": token,
        "source_uri": source_uri,
        "changes": counts,
    }

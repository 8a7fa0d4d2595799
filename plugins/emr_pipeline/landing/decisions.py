"""Decisions on landed photographs: whether they are worth a run, and what the signal says; pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from emr_pipeline.emr.wait_messages import duration_text
from emr_pipeline.errors import ParamsError
from emr_pipeline.run.layout import split_uri
from emr_pipeline.s3.inventory import Changes

WRITTEN_FOLDERS = frozenset({"code", "feature_store", "landed", "logs", "models", "published", "runs"})
"""Folders of the project's own bucket that runs write."""


@dataclass(frozen=True)
class Signal:
    """Signal that landed/latest.json holds: the last one that was given."""

    digest: str
    by: str
    token: str
    """By the token a repeated task knows its own signal: two deployments may have runs of one name."""
    age_s: float
    """The age by S3's own clock: the clocks of two machines may differ."""

    @classmethod
    def of(cls, document: Mapping[str, Any], age_s: float) -> "Signal":
        return cls(str(document["digest"]), str(document.get("by", "")), str(document.get("token", "")), age_s)


def check_source(source_uri: str, bucket: str) -> None:
    """Raise a ParamsError for a source that holds what runs write: each run would start the next."""
    source_bucket, prefix = split_uri(source_uri.rstrip("/"))
    if source_bucket == bucket and prefix.split("/")[0] in {"", *WRITTEN_FOLDERS}:
        raise ParamsError(
            f"FRUIT_FEATURES_SOURCE_URI={source_uri}: runs write there, so what one run writes would "
            f"be new to the next, without end; give a folder for photographs alone, s3://{bucket}/landing for example"
        )


def inventory_of(published: Mapping[str, Any] | None, source_uri: str) -> str | None:
    """Return where the published listing of this source lies; null if none is known, so that everything is new."""
    if published is None or str(published.get("source_uri", "")).rstrip("/") != source_uri.rstrip("/"):
        return None
    return published.get("inventory_uri")


def signalled_already(digest: str, last: Signal | None, retry_s: int) -> str | None:
    """Return why no signal is given for a listing: it was given less than `retry_s` ago. Null if one is due."""
    if last is None or last.digest != digest or last.age_s >= retry_s:
        return None
    return (
        f"run {last.by} signalled this listing {duration_text(last.age_s)} ago; if the run of fruit_features failed, "
        f"clear it, or wait: the listing is signalled again {duration_text(retry_s)} after the first time"
    )


def signal_document(changes: Changes, source_uri: str, by: str, token: str, signalled_at: datetime) -> dict[str, Any]:
    """Return the content of landed/latest.json."""
    counts = asdict(changes)
    return {
        "digest": counts.pop("digest"),
        "signalled_at": signalled_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "by": by,
        "token": token,
        "source_uri": source_uri,
        "changes": counts,
    }

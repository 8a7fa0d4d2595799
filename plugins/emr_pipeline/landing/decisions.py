"""Decisions on landed photographs: whether they are worth a run, and what the signal says; pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from emr_pipeline.emr.wait_messages import duration_text
from emr_pipeline.s3.inventory import Changes
from run_contract.moments import text_of


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
    def of(cls, content: Any, answer: Mapping[str, Any]) -> "Signal | None":
        """Return the signal in landed/latest.json, from its content and S3's answer; null if none was ever given."""
        if not isinstance(content, dict):
            return None
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        digest, by, token = (str(content.get(name, "")) for name in ("digest", "by", "token"))
        return cls(digest, by, token, (now - answer["LastModified"]).total_seconds())


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
        "signalled_at": text_of(signalled_at),
        "by": by,
        "token": token,
        "source_uri": source_uri,
        "changes": counts,
    }

"""Age of a step by EMR's own clock: Airflow's may be an hour off, and a retry does not set it back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any


def age_s(described: Mapping[str, Any]) -> float:
    """Return the seconds since EMR took a step, from DescribeStep's answer; 0 where EMR does not say when that was."""
    created_at = described["Step"]["Status"].get("Timeline", {}).get("CreationDateTime")
    return max(0.0, (_now(described) - created_at).total_seconds()) if created_at else 0.0


def lifetime_s(described: Mapping[str, Any]) -> float:
    """Return the seconds from when EMR took a step to its end, or to now where EMR names no end."""
    timeline = described["Step"]["Status"].get("Timeline", {})
    if "CreationDateTime" not in timeline or "EndDateTime" not in timeline:
        return age_s(described)
    lifetime: timedelta = timeline["EndDateTime"] - timeline["CreationDateTime"]
    return lifetime.total_seconds()


def _now(described: Mapping[str, Any]) -> datetime:
    """Return when EMR answered, to the second: the Date that every HTTP answer carries."""
    sent_at = described.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(sent_at) if sent_at else datetime.now(UTC)

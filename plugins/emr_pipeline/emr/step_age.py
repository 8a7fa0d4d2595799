"""Age of a step by EMR's own clock: Airflow's may be an hour off, and a retry does not set it back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any


def age_s(described: Mapping[str, Any]) -> float:
    """Return the seconds since EMR took a step, to its end if it is over; 0 where EMR does not say when that was.

    EMR's now is the Date that every HTTP answer carries, to the second.
    """
    timeline = described["Step"]["Status"].get("Timeline", {})
    sent_at = described.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    until = timeline.get("EndDateTime") or (parsedate_to_datetime(sent_at) if sent_at else datetime.now(UTC))
    age: timedelta = until - timeline.get("CreationDateTime", until)
    return max(0.0, age.total_seconds())

"""How documents write moments: in UTC, to the second."""

from datetime import UTC, datetime


def text_of(moment: datetime) -> str:
    """Return a moment, which has a time zone, as ISO 8601 with a Z.

    >>> text_of(datetime(2026, 11, 27, 9, 5, 7, tzinfo=UTC))
    '2026-11-27T09:05:07Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

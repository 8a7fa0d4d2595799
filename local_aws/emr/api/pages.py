"""Pages of long answers, as EMR gives them. Pure."""

from __future__ import annotations

from moto.emr.exceptions import InvalidRequestException

from local_aws.emr.state.records import JsonObject

PAGE_SIZE = 50


def page(answer: JsonObject, marker: str | None) -> JsonObject:
    """Return the part of a list that follows the marker, and the marker of the next page if there is one."""
    [(name, members)] = answer.items()
    keys = [member.get("Id") or member["Name"] for member in members]
    if marker and marker not in keys:
        raise InvalidRequestException(f"The marker {marker!r} is not valid.")
    start = keys.index(marker) + 1 if marker else 0
    is_last = start + PAGE_SIZE >= len(members)
    return {name: members[start : start + PAGE_SIZE], "Marker": None if is_last else keys[start + PAGE_SIZE - 1]}

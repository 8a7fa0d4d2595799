"""Pages of long answers, as EMR gives them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from moto.emr.exceptions import InvalidRequestException

from local_aws.emr.state.records import JsonObject

PAGE_SIZE = 50


def page(name: str, members: Sequence[JsonObject], marker: str | None, key: str = "Id") -> JsonObject:
    """Return the members after the one that the marker names, and the marker of the next page if there is one."""
    start = 0
    if marker:
        positions = [position for position, member in enumerate(members) if member[key] == marker]
        if not positions:
            raise InvalidRequestException(f"The marker {marker!r} is not valid.")
        start = positions[0] + 1
    shown = list(members[start : start + PAGE_SIZE])
    answer: JsonObject = {name: shown}
    if start + PAGE_SIZE < len(members):
        answer["Marker"] = shown[-1][key]
    return answer

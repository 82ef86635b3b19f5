"""The time zone that a document names, in the forms in which programs write one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?\Z", re.ASCII)
_UTC = {"UTC", "GMT", "Z"}


def zone_of(names: Iterable[str]) -> tuple[tzinfo | None, str]:
    """Return the first zone that is known, UTC if there are no names; else None and the name.

    An abbreviation (CEST, IST) is not known: several places have the same for different zones.
    """
    unknown = ""
    for name in names:
        zone = _zone(name.strip())
        if zone is not None:
            return zone, ""
        unknown = unknown or name
    return (None, unknown) if unknown else (timezone.utc, "")


def _zone(name: str) -> tzinfo | None:
    if name in _UTC:
        return timezone.utc
    if match := _OFFSET.match(name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset < timedelta(hours=24):
            return timezone(-offset if match[1] == "-" else offset)
    if "/" not in name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None

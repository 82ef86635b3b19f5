"""The text of `scontrol -o show job`: a line a job, `Name=value` fields, values with blanks."""

from __future__ import annotations

import re

# A field begins after a blank, with a name that begins with a capital; a value may hold blanks.
_FIELD = re.compile(r"(?:^|[ \t])(?P<name>[A-Z][A-Za-z/:.]{0,60})=")
_MAX_VALUE = 65_536


def parse_show_job(text: str, number: str) -> dict[str, str]:
    """Return the fields of the job with this very number; empty if it is not there.

    `scontrol show job` of an array's first job shows all of its jobs. A value that itself holds
    ` Name=` is cut there, and what follows is taken for a field: the form has no quotes. Of a name
    that comes twice the first stands.
    """
    for line in text.splitlines():
        fields: dict[str, str] = {}
        found = list(_FIELD.finditer(line))
        ends = [*(match.start() for match in found[1:]), len(line)]
        for match, end in zip(found, ends, strict=False):
            fields.setdefault(match["name"], line[match.end() : end].strip()[:_MAX_VALUE])
        if fields.get("JobId") == number:
            return fields
    return {}

"""Credentials among several values that are assigned at once: `user, password = "me", "..."`."""

from __future__ import annotations

import re
from functools import cache

from yprov_run.redaction.names import is_secret_name
from yprov_run.redaction.shapes import hidden_lines
from yprov_run.redaction.values import can_be_in_text

_STRING = r"(?:\"(?:[^\"\\\n]|\\.){0,500}\"|'(?:[^'\\\n]|\\.){0,500}')"
_VALUE = rf"(?:{_STRING}|[\w.]{{1,100}})"
_NAME = r"[A-Za-z_][\w.]{0,60}"


def redact_unpacked(text: str) -> str:
    """Return a text without the credentials that stand at their names' places."""
    return _unpacking().sub(_redact, text)


def is_unpacked(text: str, at: int) -> bool:
    """Tell whether the name at a place is one of several that are assigned at once."""
    found = _unpacking().match(text, text.rfind("\n", 0, at) + 1)
    if found is None or not found.start("names") <= at < found.end("names"):
        return False
    return len(re.findall(_NAME, found["names"])) == len(re.findall(_VALUE, found["values"]))


def _redact(match: re.Match[str]) -> str:
    names = re.findall(_NAME, match["names"])
    values = list(re.finditer(_VALUE, match["values"]))
    if len(names) != len(values):
        return match[0]
    parts, done = [match["head"]], 0
    for name, value in zip(names, values, strict=True):
        quote = value[0][0]
        if quote in "\"'" and is_secret_name(name) and can_be_in_text(name, value[0]):
            hidden = f"{quote}{hidden_lines(value[0])}{quote}"
            parts += [match["values"][done : value.start()], hidden]
            done = value.end()
    return "".join([*parts, match["values"][done:]])


@cache
def _unpacking() -> re.Pattern[str]:
    return re.compile(
        rf"(?P<head>^[ \t#+-]{{0,40}}\(?(?P<names>{_NAME}(?:,[ \t]{{0,8}}{_NAME}){{1,8}})\)?"
        rf"[ \t]{{0,8}}=[ \t]{{0,8}}\(?)(?P<values>{_VALUE}(?:,[ \t]{{0,8}}{_VALUE}){{1,8}})",
        re.MULTILINE,
    )

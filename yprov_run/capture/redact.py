"""Keep secrets off the disk: arguments that are, or hold, credentials."""

from __future__ import annotations

import re
from collections.abc import Sequence

REDACTED = "<redacted>"

_NAMES = (
    "token|secret|passw|passphrase|credential|api[-_]?key|cookie|jwt|private[-_]?key|access[-_]?key"
)
_SECRET_OPTION = re.compile(rf"-{{1,2}}[\w-]*(?:{_NAMES})[\w-]*\Z", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    rf"(?P<name>[\w.-]*(?:{_NAMES})[\w.-]*)=(?P<value>.+)\Z", re.IGNORECASE | re.DOTALL
)
_URL_USER = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^/@\s:]*:[^/@\s]+@")
# Shapes of keys that well-known services hand out.
_SHAPES = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{20,}|glpat-[\w-]{20,}|hf_[A-Za-z0-9]{30,}"
    r"|sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"
)


def redact_argv(argv: Sequence[str]) -> list[str]:
    """Return the arguments with every credential that can be told by name or shape replaced."""
    result: list[str] = []
    hide_next = False
    for word in argv:
        if hide_next and not word.startswith("-"):
            result.append(REDACTED)
            hide_next = False
            continue
        hide_next = bool(_SECRET_OPTION.match(word))
        result.append(redact_text(word))
    return result


def redact_text(text: str) -> str:
    """Return one argument with its credentials replaced."""
    assignment = _ASSIGNMENT.match(text)
    if assignment:
        return f"{assignment['name']}={REDACTED}"
    return _SHAPES.sub(REDACTED, _URL_USER.sub(rf"\1{REDACTED}@", text))

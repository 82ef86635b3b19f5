"""Texts from a job on somebody's terminal."""

from __future__ import annotations

import re

_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """Return text that cannot move the cursor, colour the screen or turn the line around."""
    return _INVISIBLE.sub("\ufffd", text)

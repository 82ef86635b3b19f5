"""Credentials in the commands of a text, line by line.

Lines are split as a shell does: at blanks outside quotes, and not at a newline behind a backslash.
Loaded where a text may have such a command; linear in the text.
"""

from __future__ import annotations

import re
from functools import cache

from yprov_run.redaction.clients import redact_words

_MAX_DEPTH = 4


def redact_commands(text: str, depth: int = 0) -> str:
    """Return a text with the credentials replaced that stand in its commands."""

    def redact(word: str, _: str) -> str:
        """Go into a word that is a command in quotes."""
        if depth == _MAX_DEPTH or not any(sign in word for sign in " \t\n"):
            return word
        start = min((word.find(quote) for quote in "\"'" if quote in word), default=-1) + 1
        end = len(word) - (start > 0 and word[-1] == word[start - 1] and len(word) > start)
        return f"{word[:start]}{redact_commands(word[start:end], depth + 1)}{word[end:]}"

    def redact_line(match: re.Match[str]) -> str:
        line = match[0]
        if not _worth().search(line):
            return line
        parts = _split(line)
        parts[::2] = redact_words(parts[::2], redact, in_text=True)
        return "".join(parts)

    return _lines().sub(redact_line, text)


def _split(line: str) -> list[str]:
    """Return a line's words, at even places, and what stands between them."""
    parts: list[str] = []
    begin, position, unclosed = 0, 0, set[str]()
    piece = _piece()
    while found := piece.match(line, position):
        # A gap ends a word, and what is no gap ends a gap.
        if (found["gap"] is None) == (len(parts) % 2 == 1):
            parts.append(line[begin:position])
            begin = position
        position = found.end()
        if found[0] in {'"', "'"} and found[0] not in unclosed:
            end = _closing(line, position, found[0])
            # What is never closed is an apostrophe.
            position = end or position
            if not end:
                unclosed.add(found[0])
    return [*parts, line[begin:]]


def _closing(line: str, position: int, quote: str) -> int:
    """Return where a quote ends that began before a position; 0 where it does not."""
    found = _quoted(quote).match(line, position)
    return found.end() if found else 0


@cache
def _piece() -> re.Pattern[str]:
    return re.compile(r"(?P<gap>(?:\s|\\\n)+)|\\[^\n]|[\"']|[^\s\"'\\]+|\\")


@cache
def _quoted(quote: str) -> re.Pattern[str]:
    return re.compile(r"(?:[^\"\\]|\\[\s\S])*\"" if quote == '"' else r"[^']*'")


@cache
def _lines() -> re.Pattern[str]:
    """A line, and those that it goes on in behind a backslash."""
    return re.compile(r"(?:[^\n\\]|\\[\s\S]?)+")


@cache
def _worth() -> re.Pattern[str]:
    """What is in a line that is worth a look: an option, or a program's word for a setting."""
    return re.compile(
        r"(?<![\w])--?[A-Za-z]|\b(?:login|setenv|pushenv|ENV|env|setx|configure|config|remote)\b"
    )

"""Lmod's own table of what is loaded: a Lua table, in pieces of base64 in the environment.

It knows what the lists of names and files do not: where a module's name ends and its version
begins, what the user asked for, and whether that came to a default. It is read as data, by a
grammar of tables, texts, numbers and truths; nothing of it is ever run.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_PIECES = 500
_MAX_TEXT = 4 << 20
_MAX_DEPTH = 32
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w{0,200})|(?P<number>-?\d[\w.+-]{0,40})|(?P<sign>[{}=,;\]])"
    r"|(?P<text>\"[^\"\\]*(?:\\[\s\S][^\"\\]*)*\"|'[^'\\]*(?:\\[\s\S][^'\\]*)*')"
    r"|\[(?P<level>=*)\[|(?P<open>\[))"
)
_ESCAPE = re.compile(r"\\(?:(\d{1,3})|([\s\S]))")
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_WORDS: dict[str, object] = {"true": True, "false": False, "nil": None}
# How a version's weight begins that a file of the site or of the user marks as the default.
_MARKED = ("^", "s", "u")

Value = object
Table = dict[object, Value]


class TableError(ValueError):
    """A text that is no Lua table of plain values."""


@dataclass(frozen=True)
class Loaded:
    """A module as Lmod has it: `asked_as` is what the user wrote, `by_other` whether a module
    loaded it; `is_default` is None where nothing marks a default.
    """

    name: str
    full_name: str
    file: str
    order: int
    asked_as: str
    by_other: bool
    is_default: bool | None


def loaded(environ: Mapping[str, str]) -> list[Loaded]:
    """Return the active modules in the order of loading. TableError if they cannot be read."""
    count = environ.get("_ModuleTable_Sz_", "")
    if not (count.isascii() and count.isdigit() and 0 < int(count[:9]) <= _MAX_PIECES):
        raise TableError("its number of pieces is none")
    pieces = [environ.get(f"_ModuleTable{number:03d}_") for number in range(1, int(count) + 1)]
    if None in pieces:
        raise TableError("a piece of it is missing")
    text = "".join(piece for piece in pieces if piece)
    if len(text) > _MAX_TEXT:
        raise TableError("it is too large")
    try:
        content = base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except ValueError as error:
        raise TableError("it is not base64") from error
    modules = parse(content).get("mT")
    if not isinstance(modules, dict):
        raise TableError("it names no modules")
    found = [_loaded(name, entry) for name, entry in modules.items()]
    return sorted((one for one in found if one is not None), key=lambda one: one.order)


def _loaded(name: object, entry: object) -> Loaded | None:
    """Return an entry of the table, if it is of a module that is loaded."""
    if not isinstance(name, str) or not isinstance(entry, dict) or entry.get("status") != "active":
        return None
    weight = _text(entry, "wV")
    order, depth = entry.get("loadOrder"), entry.get("stackDepth")
    return Loaded(
        name=name,
        full_name=_text(entry, "fullName") or name,
        file=_text(entry, "fn"),
        order=order if isinstance(order, int) else 0,
        asked_as=_text(entry, "userName"),
        by_other=isinstance(depth, int) and depth > 0,
        is_default=weight.startswith(_MARKED) or None,
    )


def _text(entry: Table, name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def parse(text: str) -> Table:
    """Return the table of `NAME = { ... }`, or of `{ ... }`. Raises TableError."""
    reader = _Reader(text)
    kind, value = reader.next()
    if kind == "name":
        reader.expect("=")
        kind, value = reader.next()
    if (kind, value) != ("sign", "{"):
        raise TableError("it is not a table")
    return reader.table(0)


class _Reader:
    """Reads tokens from left to right; the time is linear in the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def next(self) -> tuple[str, Value]:
        """Return the next token's kind and what it says."""
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise TableError(f"it is damaged at character {self._at}")
        self._at = match.end()
        if match["level"] is not None:
            return "value", self._long_text(f"]{match['level']}]")
        if match["text"] is not None:
            return "value", _ESCAPE.sub(_plain, match["text"][1:-1])
        if match["number"] is not None:
            return "value", _number(match["number"])
        if match["open"] is not None:
            return "sign", "["
        return ("sign", match["sign"]) if match["sign"] else ("name", match["name"])

    def expect(self, sign: str) -> None:
        """Read one sign. Raises TableError for anything else."""
        if self.next() != ("sign", sign):
            raise TableError(f"it lacks a {sign} before character {self._at}")

    def table(self, depth: int) -> Table:
        """Return the table whose opening brace has been read."""
        if depth > _MAX_DEPTH:
            raise TableError("its tables are too deep")
        found: Table = {}
        position = 1
        while True:
            kind, value = self.next()
            if (kind, value) == ("sign", "}"):
                return found
            if (kind, value) == ("sign", "["):
                key = self.next()[1]
                self.expect("]")
                self.expect("=")
                found[str(key) if isinstance(key, dict) else key] = self._value(depth)
            elif kind == "name" and value not in _WORDS:
                self.expect("=")
                found[value] = self._value(depth)
            else:
                found[position] = self._value(depth, (kind, value))
                position += 1
            token = self.next()
            if token == ("sign", "}"):
                return found
            if token not in (("sign", ","), ("sign", ";")):
                raise TableError(f"it lacks a comma before character {self._at}")

    def _value(self, depth: int, token: tuple[str, Value] | None = None) -> Value:
        kind, value = token or self.next()
        if kind == "value":
            return value
        if (kind, value) == ("sign", "{"):
            return self.table(depth + 1)
        if kind == "name" and value in _WORDS:
            return _WORDS[str(value)]
        raise TableError(f"it holds more than data before character {self._at}")

    def _long_text(self, end: str) -> str:
        closed = self._text.find(end, self._at)
        if closed < 0:
            raise TableError("a text in it is not closed")
        text = self._text[self._at : closed]
        self._at = closed + len(end)
        return text.removeprefix("\n")


def _plain(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1]) & 255)
    return _PLAIN_ESCAPES.get(match[2], match[2])


def _number(text: str) -> int | float:
    try:
        return int(text) if len(text) < 19 else float(text)
    except ValueError:
        try:
            return float(text)
        except ValueError as error:
            raise TableError(f"{text[:20]} is no number") from error

"""What launchers' grammars have in common: options, their values, and the program after them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Placement:
    """Where programs begin in a command line.

    `positions` are the indexes in argv before which a shim goes; none means "leave it alone", and
    `warning` then says why. `ranks` names the family of variables that tell a task its rank.
    """

    launcher: str
    ranks: str
    positions: tuple[int, ...]
    warning: str = ""


@dataclass(frozen=True)
class Options:
    """The options of a launcher: how many words follow each one, if its value is not glued.

    `values` maps an option, as it is written, to that number. An option in `flags` takes none, or
    takes one only with `=`. `glued` are the letters of short options with a value, as in `-n4`;
    `optional_glued` those whose value, if any, is never the next word.
    """

    values: dict[str, int]
    flags: frozenset[str]
    glued: str = ""
    optional_glued: str = ""
    short_flags: str = ""
    abbreviations: bool = False
    asks_no_program: frozenset[str] = field(default_factory=frozenset)

    def find(self, word: str) -> int | None:
        """Return how many words after this option belong to it; None if it is unknown."""
        if word in self.values:
            return self.values[word]
        if word in self.flags:
            return 0
        name, equals, _ = word.partition("=")
        if name.startswith("--"):
            return self._long(name, bool(equals))
        return self._short(word)

    def _long(self, name: str, has_value: bool) -> int | None:
        known = self.full_name(name)
        if known is None:
            return None
        if has_value:
            return 0
        return self.values.get(known, 0)

    def full_name(self, name: str) -> str | None:
        """Return the long option that this is, or is a clear abbreviation of."""
        if name in self.values or name in self.flags:
            return name
        if not self.abbreviations:
            return None
        longer = [
            option
            for option in (*self.values, *self.flags)
            if option.startswith(name) and option.startswith("--")
        ]
        return longer[0] if len(longer) == 1 else None

    def _short(self, word: str) -> int | None:
        """Read a bundle of short options: flags first, then at most one that takes a value."""
        for index, letter in enumerate(word[1:], start=1):
            if letter in self.glued:
                return 0 if index < len(word) - 1 else 1
            if letter in self.optional_glued:
                return 0
            if letter not in self.short_flags:
                return None
        return 0


def program_index(argv: Sequence[str], start: int, options: Options) -> tuple[int | None, str]:
    """Return the index of the first word from `start` that is no option, and why if there is none.

    The index is None with an empty reason where the launcher would run no program, as for
    `--version`.
    """
    index = start
    while index < len(argv):
        word = argv[index]
        if word == "--":
            index += 1
            break
        if not word.startswith("-") or word == "-":
            break
        words = options.find(word)
        if words is None:
            return None, f"option {word!r} is not known"
        if {word, options.full_name(word)} & options.asks_no_program:
            return None, ""
        index += 1 + words
    if index >= len(argv):
        return None, "no program follows its options"
    return index, ""


def resolved_name(word: str, search_path: str) -> str:
    """Return the file name that a command resolves to, links followed; empty if there is none."""
    found = shutil.which(word, path=search_path)
    return Path(found).resolve().name if found else ""

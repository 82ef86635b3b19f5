"""What launchers' grammars have in common: options, their values, and the program after them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from yprov_run.light import NamedTuple


class ProgramFile(NamedTuple):
    """A file that names the programs: its place in argv, and what puts the shim into its text.

    `insert` takes the text and the shim's words as one text; it returns None for a file that it
    does not understand.
    """

    position: int
    insert: Callable[[str, str], str | None]


class Placement(NamedTuple):
    """Where programs begin in a command line.

    `positions` are the indexes in argv before which a shim goes; `file` is where they are named
    instead. Neither means "leave it alone", and `warning` then says why. `ranks` names the family
    of variables that tell a task its rank. With `marked`, the word at each position is a mark that
    the shim replaces. `options` are words that keep what the launcher would else tell of its first
    word, which is now the shim's: each, and the index in argv before which it goes.
    """

    launcher: str
    ranks: str
    positions: tuple[int, ...] = ()
    warning: str = ""
    file: ProgramFile | None = None
    marked: bool = False
    options: tuple[tuple[int, str], ...] = ()


def untouched(launcher: str, ranks: str, reason: str) -> Placement:
    """Return the placement of a command that is left alone; without a reason, silently."""
    if not reason:
        return Placement(launcher, ranks)
    return Placement(
        launcher,
        ranks,
        warning=f"{launcher}: {reason}; it runs unchanged and its tasks are not recorded. "
        "A word {yprov} before the program in the command says where recording starts",
    )


class Options(NamedTuple):
    """The options of a launcher: how many words follow each one, if its value is not glued.

    `values` maps an option, as it is written, to that number. An option in `flags` takes none, or
    takes one only with `=`. `glued` are the letters of short options with a value, as in `-n4`;
    `optional_glued` those whose value, if any, is never the next word. With an option in
    `copies_program` the launcher copies its first word to the nodes; where the shim is, that word
    is a shell, and the program would not get there.
    """

    values: dict[str, int]
    flags: frozenset[str]
    glued: str = ""
    optional_glued: str = ""
    short_flags: str = ""
    abbreviations: bool = False
    asks_no_program: frozenset[str] = frozenset()
    copies_program: frozenset[str] = frozenset()

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
        """Return how many words follow a long option.

        What is not clear to us is no doubt where it does not matter: a word with `=` is whole,
        also for a plugin's option, and the options that an abbreviation may mean may be alike.
        """
        meant = self.meanings(name)
        if has_value and (meant or self.abbreviations):
            return 0
        words = {self.values.get(option, 0) for option in meant}
        return words.pop() if len(words) == 1 else None

    def meanings(self, name: str) -> set[str]:
        """Return the long options that this is, or may be an abbreviation of."""
        known = self.values.keys() | self.flags
        if name in known or not self.abbreviations:
            return {name} & known
        return {option for option in known if option.startswith(name)}

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


NO_PROGRAM = "no program follows its options"
COPIES = "copies the program to the nodes, and would copy the shell that starts the recording"
_HELP = ("--help", "-help", "-h", "--version", "-version", "-V")


def with_either_hyphens(
    one_value: str, two_values: str, no_value: str, asks: str, copies: str = ""
) -> Options:
    """Return options that take one hyphen or two, from names without any, apart by blanks.

    `asks` is an option beside the usual ones with which no program is run; `copies` are those of
    the flags with which the program is copied to the nodes.
    """

    def written(names: str) -> list[str]:
        return [hyphens + name for name in names.split() for hyphens in ("-", "--")]

    return Options(
        values={**dict.fromkeys(written(one_value), 1), **dict.fromkeys(written(two_values), 2)},
        flags=frozenset(written(f"{no_value} help h version V")),
        asks_no_program=frozenset({*_HELP, asks}),
        copies_program=frozenset(written(copies)),
    )


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
        if options.meanings(word.partition("=")[0]) & options.copies_program:
            return None, f"option {word!r} {COPIES}"
        if (options.meanings(word) or {word}) <= options.asks_no_program:
            return None, ""
        index += 1 + words
    if index >= len(argv):
        return None, NO_PROGRAM
    return index, ""


def programs(argv: Sequence[str], options: Options) -> tuple[tuple[int, ...], str]:
    """Return the index of each program in `launcher OPTIONS PROGRAM [: OPTIONS PROGRAM]...`.

    None, and why, if one of them is not found; the reason is empty if there is none to be run.
    """
    found: list[int] = []
    start = 1
    while True:
        index, reason = program_index(argv, start, options)
        if index is None:
            return (), reason
        found.append(index)
        if ":" not in argv[index:]:
            return tuple(found), ""
        start = argv.index(":", index) + 1


def file_option(
    argv: Sequence[str], found: Sequence[int], reason: str, names: set[str]
) -> int | None:
    """Return the index of the word after one of these options, which names a file of programs.

    `found` and `reason` are what `programs` says of the command. Where it is in doubt of an option,
    such a word may be the program's own.
    """
    if not found and (reason != NO_PROGRAM or ":" in argv):
        return None
    options = argv[1 : found[0]] if found else argv[1:]
    for index, word in enumerate(options[:-1], start=2):
        if word in names:
            return index
    return None


# Launchers know no other line ends and blanks: what Unicode has of them is a program's.
LINE_END = "\n"
BLANKS = r"[ \t]+"  # compiled where it is needed: few launches need it


def insert_after_options(text: str, shim: str, options: Options) -> str | None:
    """Put the shim into each line `OPTIONS PROGRAM ARGS` of a file that is split at blanks only."""
    lines = []
    for line in text.removesuffix(LINE_END).split(LINE_END):
        words = [word for word in re.split(BLANKS, line) if word]
        if not words or words[0].startswith("#"):
            lines.append(line)
            continue
        index, _ = program_index(words, 0, options)
        if index is None:
            return None
        lines.append(" ".join([*words[:index], shim, *words[index:]]))
    return "\n".join(lines) + "\n"


def resolved_path(word: str, search_path: str) -> Path:
    """Return the file that a command resolves to, links followed; one without a name if none."""
    # Here and not above: few launches need it, and its import takes 5 ms.
    import shutil

    found = shutil.which(word, path=search_path)
    return Path(found).resolve() if found else Path()


def unrecognised(argv: Sequence[str], search_path: str) -> Placement:
    """Leave alone a command with an MPI launcher's name that none of the grammars knows.

    As a program of this machine it would be one task, and those that it starts would go unseen.
    """
    # What is not there need not be warned about: it cannot be run either.
    is_there = resolved_path(argv[0], search_path).name
    return untouched(Path(argv[0]).name, "any", "of no MPI that is known" if is_there else "")

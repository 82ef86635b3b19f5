"""What the user asked of yprov-run, however the command line was read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yprov_run.config import INTERVAL_S
from yprov_run.errors import YprovError
from yprov_run.light import NamedTuple


class Request(NamedTuple):
    """What the user asked for; the defaults are those of the command line.

    A named tuple, as all that the launch waits for: to import dataclasses takes 9 ms.
    """

    argv: tuple[str, ...]
    base: Path = Path("yprov")
    name: str | None = None
    interval_s: float = 1.0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    capture: bool = True
    merge: bool = True
    report: bool = True
    dry_run: bool = False
    quiet: bool = False
    merits: tuple[str, ...] = ()
    env: tuple[str, ...] = ()

    def options(self) -> list[str]:
        """Return the options that ask for the same record: not where it goes, or what is shown."""
        usual = self._field_defaults["interval_s"]
        given = (
            ("--name", () if self.name is None else (self.name,)),
            ("--interval", () if self.interval_s == usual else (str(self.interval_s),)),
            ("--input", self.inputs),
            ("--output", self.outputs),
            ("--tag", [f"{key}={value}" for key, value in self.tags]),
            ("--figure-of-merit", self.merits),
            ("--env", self.env),
        )
        words = [word for option, values in given for value in values for word in (option, value)]
        return words if self.capture else [*words, "--no-capture"]


def at_home(folder: Path) -> Path:
    """Return a folder with a leading `~` replaced, which a shell leaves in `--dir=~/x`."""
    if folder.parts[:1] != ("~",):
        return folder
    try:
        return folder.expanduser()
    except RuntimeError:  # nobody knows where this user is at home
        return folder


def checked_interval(interval_s: float) -> float:
    """Return a time between samples that makes sense. Raises YprovError for any other."""
    least, most = INTERVAL_S
    if not least <= interval_s <= most:
        raise YprovError(f"--interval {interval_s:g}: give seconds between {least:g} and {most:g}")
    return interval_s


def checked_tags(tags: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return KEY=VALUE texts as pairs, the last of each key. Raises YprovError for any other."""
    result = {}
    for tag in tags:
        key, equals, value = tag.partition("=")
        if not key or not equals:
            raise YprovError(f"--tag {tag!r}: give it as KEY=VALUE")
        result[key] = value
    return tuple(result.items())


def checked_merits(merits: Sequence[str]) -> tuple[str, ...]:
    """Return figures of merit as they were given. Raises YprovError for one that cannot be read."""
    import re

    for merit in merits:
        name, equals, where = merit.partition("=")
        file, _, pattern = where.partition(":")
        if not name or not equals or not file:
            raise YprovError(
                f"--figure-of-merit {merit!r}: give it as NAME=FILE or NAME=FILE:PATTERN"
            )
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise YprovError(
                f"--figure-of-merit {merit!r}: the pattern is wrong: {error}"
            ) from error
        if pattern and groups != 1:
            raise YprovError(
                f"--figure-of-merit {merit!r}: put the number, and nothing else, in parentheses"
            )
    return tuple(merits)

"""The usual command lines read without Typer, whose import takes longer than the whole launch.

Whatever is not plain here is left to Typer: help, errors, rarer ways of writing. A property test
holds that the two never read a command line differently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from yprov_run import config
from yprov_run.cli.request import Request, at_home, checked_interval, checked_tags
from yprov_run.errors import YprovError

_VALUES = {
    "--dir": "dir", "--name": "name", "--interval": "interval", "--input": "input", "-i": "input",
    "--output": "output", "-o": "output", "--tag": "tag",
}  # fmt: skip
_FLAGS = {
    "--no-capture": "no_capture", "--no-merge": "no_merge", "--no-report": "no_report",
    "--dry-run": "dry_run", "--quiet": "quiet", "-q": "quiet",
}  # fmt: skip
_VARIABLES = {"YPROV_DIR": "dir", "YPROV_NAME": "name", "YPROV_INTERVAL": "interval"}
_SETTINGS = frozenset(
    {"dir", "name", "interval", "capture", "merge", "report", "quiet", "advice", "tariff", "patch"}
)


def read(words: Sequence[str], environ: Mapping[str, str], folder: Path) -> Request | None:
    """Return what a command line asks for, or None if it is for Typer to read."""
    try:
        given = _split(words)
        if given is None:
            return None
        settings = config.load(config.files(environ, folder))
        if not settings.keys() <= _SETTINGS:
            return None
        return _request(*given, _Defaults(settings, environ))
    except (YprovError, ValueError):
        return None


def _split(words: Sequence[str]) -> tuple[dict[str, list[str]], tuple[str, ...]] | None:
    """Return the values of each option that is given, and the command after them."""
    given: dict[str, list[str]] = {}
    index = 0
    while index < len(words) and words[index].startswith("-"):
        word = words[index]
        index += 1
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            given.setdefault(_FLAGS[word], []).append("")
        elif name.startswith("--") and name in _VALUES and equals:
            given.setdefault(_VALUES[name], []).append(value)
        elif word in _VALUES and index < len(words) and not words[index].startswith("-"):
            given.setdefault(_VALUES[word], []).append(words[index])
            index += 1
        else:
            return None
    command = tuple(words[index:])
    return (given, command) if command else None


class _Defaults:
    """What holds where no option is given: variables over setting files."""

    def __init__(self, settings: config.Settings, environ: Mapping[str, str]) -> None:
        self._found: dict[str, object] = dict(settings)
        self._environ = environ
        for variable, key in _VARIABLES.items():
            if environ.get(variable):
                self._found[key] = environ[variable]

    def text(self, key: str, given: Mapping[str, list[str]]) -> str | None:
        """Return the last value given of an option, else its default; None without either."""
        if key in given:
            return given[key][-1]
        found = self._found.get(key)
        if isinstance(found, config.Folder):
            return found.expanded(self._environ)
        return None if found is None else str(found)

    def flag(self, key: str, default: bool) -> bool:
        """Return a setting that is true or false."""
        return bool(self._found.get(key, default))


def _request(
    given: Mapping[str, list[str]], command: tuple[str, ...], defaults: _Defaults
) -> Request:
    base = defaults.text("dir", given)
    interval = defaults.text("interval", given)
    return Request(
        argv=command,
        base=Request._field_defaults["base"] if base is None else at_home(Path(base)),
        name=defaults.text("name", given),
        interval_s=checked_interval(1.0 if interval is None else float(interval)),
        inputs=tuple(given.get("input", ())),
        outputs=tuple(given.get("output", ())),
        tags=checked_tags(given.get("tag", [])),
        capture="no_capture" not in given and defaults.flag("capture", True),
        merge="no_merge" not in given and defaults.flag("merge", True),
        report="no_report" not in given and defaults.flag("report", True),
        dry_run="dry_run" in given,
        quiet="quiet" in given or defaults.flag("quiet", False),
    )

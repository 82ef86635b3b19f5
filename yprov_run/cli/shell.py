"""What the commands share: one line per error, exit statuses, and the merge itself."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, cast

import typer

from yprov_run import __version__, config
from yprov_run.cli.complain import answering, complain
from yprov_run.cli.completing import script_from_its_first_line
from yprov_run.cli.mistakes import explained
from yprov_run.errors import MISUSE, YprovError

# Typer does not export the base class of its own usage errors.
_UsageError = cast("type[Exception]", typer.BadParameter.__base__)
_REFUSING = ("strict", "surrogateescape")
_INTERRUPTED = 128 + signal.SIGINT


def show_version(wanted: bool) -> None:
    """Print the version and end, for --version."""
    if wanted:
        print(f"yprov-run {__version__}")
        raise typer.Exit


def settings() -> dict[str, Any]:
    """Return the settings of the configuration files, as defaults of options."""
    found = config.load(config.files(os.environ, Path()))
    defaults: dict[str, Any] = {
        "directory": _folder(found.get("dir")),
        "name": found.get("name"),
        "interval": found.get("interval"),
        "quiet": found.get("quiet"),
        "no_report": None if "report" not in found else not found["report"],
        "no_capture": None if "capture" not in found else not found["capture"],
        "no_merge": None if "merge" not in found else not found["merge"],
    }
    return {name: value for name, value in defaults.items() if value is not None}


def _folder(setting: object) -> str | Callable[[], object] | None:
    """Return a folder; where it has an unset variable, what raises that if the folder is needed."""
    if not isinstance(setting, config.Folder):
        return None
    try:
        return setting.expanded(os.environ)
    except YprovError as error:
        return _raising(error)


def _raising(error: YprovError) -> Callable[..., object]:
    def refuse(*_: object) -> object:
        raise error

    return refuse


def _defaults(command: Any) -> dict[str, Any]:
    """Return the settings as a command's defaults.

    Where they are broken, what the command does is to say so; help, the version, where a template
    lies, and what the Tab key completes need none.
    """
    inner = getattr(command, "commands", None)
    try:
        defaults = settings()
    except YprovError as error:
        for one in [command] if inner is None else inner.values():
            one.invoke = _raising(error)
        return {}
    return defaults if inner is None else dict.fromkeys(inner, defaults)


def _write_what_can_be() -> None:
    """Let output have `?` for a character that the terminal's encoding lacks: never a traceback."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors in _REFUSING:
        sys.stdout.reconfigure(errors="replace")


def execute(
    app: typer.Typer,
    program: str,
    words: Sequence[str] | None = None,
    whole: Callable[[], typer.Typer] | None = None,
    has_settings: bool = True,
) -> object:
    """Run a command line (this process's own, if none is given) and return what comes of it.

    Misuse is one clear line and exit status 2, never a traceback. `whole` makes the command line
    with all its subcommands, where `app` has but one, to see what was meant. Without
    `has_settings` no configuration file is read.
    """
    _write_what_can_be()
    command = cast("Any", typer.main.get_command(app))
    try:
        defaults = _defaults(command) if has_settings else {}
        with answering(program), script_from_its_first_line(program):
            result = command.main(
                words, prog_name=program, standalone_mode=False, default_map=defaults
            )
    except _UsageError as error:
        every = command if whole is None else typer.main.get_command(whole())
        complain(program, explained(error, program, every))
        sys.exit(MISUSE)
    except YprovError as error:
        complain(program, str(error))
        sys.exit(error.exit_code)
    except typer.Abort:
        result = _INTERRUPTED
    if result == _INTERRUPTED:  # this is what Typer makes of Ctrl-C
        complain(program, "interrupted")
        sys.exit(_INTERRUPTED)
    return result

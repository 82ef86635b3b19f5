"""What the commands share: one line per error, exit statuses, and the merge itself."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import typer

from yprov_run import __version__, config
from yprov_run.cli.complain import complain
from yprov_run.cli.mistakes import explained
from yprov_run.errors import MISUSE, YprovError

# Typer does not export the base class of its own usage errors.
_UsageError = cast("type[Exception]", typer.BadParameter.__base__)
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
        "directory": found.get("dir"),
        "name": found.get("name"),
        "interval": found.get("interval"),
        "quiet": found.get("quiet"),
        "no_report": None if "report" not in found else not found["report"],
        "no_capture": None if "capture" not in found else not found["capture"],
        "no_merge": None if "merge" not in found else not found["merge"],
    }
    return {name: value for name, value in defaults.items() if value is not None}


def execute(
    app: typer.Typer,
    program: str,
    words: Sequence[str] | None = None,
    whole: Callable[[], typer.Typer] | None = None,
) -> object:
    """Run a command line (this process's own, if none is given) and return what comes of it.

    Misuse is one clear line and exit status 2, never a traceback. `whole` makes the command line
    with all its subcommands, where `app` has but one, to see what was meant.
    """
    command = cast("Any", typer.main.get_command(app))
    try:
        defaults = settings()
        if hasattr(command, "commands"):
            defaults = dict.fromkeys(command.commands, defaults)
        result = command.main(words, prog_name=program, standalone_mode=False, default_map=defaults)
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

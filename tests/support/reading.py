"""Reading a command line of ours without running it."""

from __future__ import annotations

from typing import Any, cast

import typer

from yprov_run.cli import init, inspect, merge, options
from yprov_run.errors import YprovError

_UsageError = cast("type[Exception]", typer.BadParameter.__base__)


# Typer's own, which do their work while they are read: one writes to the user's own files.
_ACT_AT_ONCE = {"--install-completion", "--show-completion"}


def fault(words: list[str]) -> str:
    """Return what is wrong with a command line, as its first words; empty if nothing is."""
    program, *rest = [word for word in words if word not in _ACT_AT_ONCE]
    if len(rest) < len(words) - 1:
        return ""  # nothing else is read beside them
    if program == "yprov-inspect":
        command = cast("Any", typer.main.get_command(inspect.make_app()))
        if rest and not rest[0].startswith("-"):
            name, *rest = rest
            if name not in command.commands:
                return f"no such command {name}"
            command = command.commands[name]
    else:
        app = options.app if program == "yprov-run" else merge.app
        if rest[:1] == ["--init"]:
            app = init.app
        command = cast("Any", typer.main.get_command(app))
    try:
        if program == "yprov-run" and rest[:1] != ["--init"]:
            command.main(rest, prog_name=program, standalone_mode=False)  # reads, and runs nothing
        else:
            command.make_context(program, rest)
    except (_UsageError, YprovError) as error:
        message = cast("Any", error).format_message() if isinstance(error, _UsageError) else error
        return str(message)
    except typer.Exit:
        return ""
    return ""

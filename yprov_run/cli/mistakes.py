"""What is wrong with a command line, which of its words, and what was probably meant."""

from __future__ import annotations

import re
from typing import Any

from yprov_run.errors import meant

_QUOTED = re.compile(r"'([^']+)'")


def explained(error: Any, program: str, command: Any) -> str:
    """Return one line for a usage error of `program`, whose whole command line is `command`."""
    context = error.ctx
    path = context.command_path if context is not None else program
    asked = context.command if context is not None else command
    option = getattr(error, "option_name", "")
    if type(error).__name__ == "NoSuchOption" and option:
        what = f"no option {option}{_option_meant(option, program, path, asked, command)}"
    elif "no such command" in error.format_message().lower():
        what = _no_command(error.format_message(), path, asked)
    elif type(error).__name__ == "MissingParameter":
        what = error.format_message().rstrip(".") + _as_in(asked)
    else:
        what = _value(error.format_message().rstrip("."))
    return f"{what} (see {path} --help)"


def _names(command: Any) -> list[str]:
    return [name for one in command.params for name in getattr(one, "opts", ()) if name[:1] == "-"]


def _option_meant(option: str, program: str, path: str, asked: Any, command: Any) -> str:
    """Return a near name, another sub-command that has the option, or where it may belong."""
    others = [n for n, one in getattr(command, "commands", {}).items() if option in _names(one)]
    if others:
        return f"; {program} {others[0]} has it" + ("" if path != program else ", after its name")
    near = meant(option, _names(asked))
    if near:
        return near
    if program == "yprov-run":
        return "; an option of the job's own command goes after that command"
    return ""


def _no_command(message: str, path: str, asked: Any) -> str:
    quoted = _QUOTED.search(message)
    word = quoted[1] if quoted else ""
    near = meant(word, asked.commands)
    if not near and (word.isdigit() or "/" in word):
        near = f"; for a job: {path} show {word}"
    return f"no command {word!r}{near or '; there are ' + ', '.join(asked.commands)}"


def _as_in(asked: Any) -> str:
    """Return a command's first example."""
    lines = (asked.epilog or "").splitlines()
    example = next(
        (line.strip() for line in lines if line.startswith("  ") and "#" not in line), ""
    )
    return f", as in: {example}" if example else ""


def _value(message: str) -> str:
    """Return what is wrong with a value, and the nearest of those that may be given."""
    message = message.replace("Value error, ", "")
    wrong, is_choice, rest = message.rpartition(" is not one of ")
    if not is_choice:
        return message
    return message + meant(_QUOTED.findall(wrong)[-1], _QUOTED.findall(rest))

"""yprov-run --init: a batch script from a template, filled in, in the current folder."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from yprov_run.audience import EVERYBODY
from yprov_run.cli.shell import execute
from yprov_run.cli.teaching import examples
from yprov_run.errors import YprovError
from yprov_run.jobdir import write_once
from yprov_run.templates import catalogue, fill

PROGRAM = "yprov-run --init"
_LIST = "list"
_RUN_BY_EVERYBODY = 0o777  # whom the umask lets
_Answer = TypeVar("_Answer")


def _meaning(key: fill.Key) -> str:
    words = fill.ASKED[key]
    return f"{words[0].upper()}{words[1:]}."


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(
    context_settings={
        "allow_interspersed_args": False,
        "help_option_names": ["-h", "--help"],
    },
    epilog=examples(
        ("yprov-run --init list", "which there are"),
        ("yprov-run --init single", "asks, on a terminal"),
        ("yprov-run --init torchrun --nodes 4 --gpus-per-node 8 python train.py", "asks nothing"),
        ("yprov-run --init steps --file chain.sh --time 1-00:00:00", "under another name"),
    ),
)
def init(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="What the job runs, with its arguments."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="TEMPLATE",
            help=f"Which template, or `{_LIST}`: {', '.join(catalogue.names())}.",
        ),
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", help="Its name here. [default: the template's]")
    ] = None,
    job_name: Annotated[
        str | None, typer.Option("--job-name", metavar="NAME", help=_meaning("job-name"))
    ] = None,
    partition: Annotated[
        str | None, typer.Option("--partition", metavar="NAME", help=_meaning("partition"))
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help=_meaning("account"))
    ] = None,
    nodes: Annotated[
        str | None, typer.Option("--nodes", metavar="N", help=_meaning("nodes"))
    ] = None,
    tasks: Annotated[
        str | None, typer.Option("--ntasks-per-node", metavar="N", help=_meaning("ntasks-per-node"))
    ] = None,
    cpus: Annotated[
        str | None, typer.Option("--cpus-per-task", metavar="N", help=_meaning("cpus-per-task"))
    ] = None,
    gpus: Annotated[
        str | None, typer.Option("--gpus-per-node", metavar="N", help=_meaning("gpus-per-node"))
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="[DAYS-]HH:MM:SS", help=_meaning("time"))
    ] = None,
) -> None:
    """Write a batch script into the current folder: a template, filled in.

    Nothing is ever overwritten. On a terminal and without options it asks; an empty answer keeps
    what the template says.
    """
    given: dict[fill.Key, str | None] = {
        "job-name": job_name, "partition": partition, "account": account, "nodes": nodes,
        "ntasks-per-node": tasks, "cpus-per-task": cpus, "gpus-per-node": gpus, "time": time,
    }  # fmt: skip
    values = {key: value for key, value in given.items() if value is not None}
    line = fill.quoted_command(command) if command else ""
    if template == _LIST:
        _list()
        return
    asks = not (values or line or file) and sys.stdin.isatty() and sys.stderr.isatty()
    if template is None:
        if not asks:
            raise YprovError(f"say which template: {', '.join(catalogue.names())}")
        _list()
        template = _ask("template", "", _known)
    text = catalogue.path(template).read_text(encoding="utf-8")
    own_name = Path(catalogue.file_name(template)).name
    target = _target(own_name if file is None else file)
    if asks:
        values, line = _questions(text)
    mode = _RUN_BY_EVERYBODY if catalogue.is_run_itself(template) else EVERYBODY
    _write(own_name, target, fill.fill(text, values, line), mode)


def _list() -> None:
    """Print each template's name and when to take it."""
    for name in catalogue.names():
        print(f"{name:14} {catalogue.purpose(catalogue.path(name).read_text(encoding='utf-8'))}")


def _questions(text: str) -> tuple[dict[fill.Key, str], str]:
    """Ask for each value that a script has a place for, and for its command."""
    values = {}
    for key, there in fill.slots(text).items():
        answer = _ask(fill.ASKED[key], there, partial(_checked, text, key, there))
        # A number of tasks that was seen and left stays, whatever is said of the GPUs then.
        if answer and (answer != there or key == "ntasks-per-node"):
            values[key] = answer
    command = fill.command(text)
    if command is None:
        return values, ""
    return values, _ask("command", command, fill.shell_line)


def _ask(what: str, default: str, checked: Callable[[str], _Answer]) -> _Answer:
    """Ask until the answer will do. Raises typer.Abort at the end of the input."""
    while True:
        said = typer.prompt(what, default=default, show_default=bool(default), err=True)
        try:
            return checked(said)
        except YprovError as error:
            typer.echo(f"  {error}", err=True)


def _known(name: str) -> str:
    catalogue.file_name(name)
    return name


def _checked(text: str, key: fill.Key, there: str, said: str) -> str:
    if said != there:
        fill.checked(text, key, said)
    return said


def _target(file: str) -> str:
    """Return the name of the file to write. Raises YprovError for a wrong one, and one in use."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", file):
        raise YprovError(f"--file {file!r}: give a name of letters, digits and ._+- only")
    if os.path.lexists(file):
        raise _is_there(file)
    return file


def _is_there(file: str) -> YprovError:
    return YprovError(f"{file}: is there already, and is left as it is; --file gives another")


def _write(own_name: str, file: str, text: str, mode: int) -> None:
    """Write the script where nothing is yet, and say how it is submitted."""
    text = text.replace(f'"$(yprov-run --template {catalogue.INCLUDE})"', f"./{file}")
    text = re.sub(rf"(?m)^(#   .*\b){re.escape(own_name)}\b", rf"\g<1>{file}", text)
    try:
        written = write_once(Path(file), text, mode)
    except (OSError, UnicodeError) as error:
        raise YprovError(f"{file}: cannot be written: {error}") from error
    if not written:
        raise _is_there(file)
    print(f"{file} written")
    for line in catalogue.usage(text):
        print(f"    {line}")


def main(words: Sequence[str]) -> None:
    """Run what follows `--init`: a template's name, if the first word is one, then options."""
    named = ["--init"] if words and not words[0].startswith("-") else []
    execute(app, "yprov-run", [*named, *words], has_settings=False)

"""yprov-inspect rerun: the command of a job again, with what differs today."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from yprov_run.cli.common import JobReference, JobsFolder
from yprov_run.cli.complain import complain
from yprov_run.cli.inspections.today import differences
from yprov_run.errors import YprovError
from yprov_run.report.conditions import REDACTED, Conditions, conditions, in_turn, settable
from yprov_run.report.launches import Launch, launches
from yprov_run.report.reading import document_of, find
from yprov_run.report.script import script
from yprov_run.report.words import plain

PROGRAM = "yprov-inspect rerun"
_MOST_NAMED = 20


def rerun(
    job: JobReference,
    directory: JobsFolder = Path("yprov"),
    execute: Annotated[bool, typer.Option("--execute", help="Run it, too.")] = False,
    step: Annotated[int | None, typer.Option(help="This step only, from 0.")] = None,
) -> int:
    """Print a job's commands as a script, with their folder, modules and variables.

    What differs today (folder, code, inputs, the program's Python and packages) is warned of on
    stderr. Nothing is run without --execute; then the exit status is that of the first command
    that fails.
    """
    place = find(job, directory)
    document = document_of(place)
    found = launches(document)
    if step is not None:
        if not 0 <= step < len(found):
            raise YprovError(f"--step {step}: the job has the steps 0 to {len(found) - 1}")
        found = [found[step]]
    if not found:
        raise YprovError(f"{job}: no command is recorded")
    given = conditions(document, [launch.step for launch in found])
    needed = in_turn(given)
    environs = {name: {**os.environ, **settable(each)} for name, each in needed.items()}
    for warning in (*_unknown(given, found), *differences(document, place.path, found, environs)):
        complain(PROGRAM, plain(warning, 400))
    _print_script(script(found, needed))
    if not execute:
        return 0
    if any(REDACTED in word for launch in found for word in launch.words):
        raise YprovError(f"{job}: a credential was left out of its command; run it by hand")
    if any(each.modules for each in given.values()):
        complain(PROGRAM, "modules are not loaded here; load them first if they are not")
    return _execute(found, environs)


def _print_script(text: str) -> None:
    """Print a script as the bytes that it has to be, whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "surrogateescape"))


def _unknown(given: Mapping[str, Conditions], found: Sequence[Launch]) -> Iterator[str]:
    """Yield of which variables and words of the commands the values are not known."""
    for step, each in given.items():
        if each.variables is None:
            yield f"{step.replace('/', ' ')}: its variables are not recorded"
    for launch in found:
        if any(REDACTED in word for word in launch.words):
            step = launch.step.replace("/", " ")
            yield f"{step}: a credential was left out of its command, where it says {REDACTED}"
    unset = {name: "too long to be recorded whole" for e in given.values() for name in e.cut}
    unset.update((name, "holds a credential") for e in given.values() for name in _redacted(e))
    for name in sorted(unset)[:_MOST_NAMED]:
        yield f"{name}: {unset[name]}; not set here"
    if len(unset) > _MOST_NAMED:
        yield f"and {len(unset) - _MOST_NAMED} more variables"


def _redacted(given: Conditions) -> Iterable[str]:
    """Return the variables that would be set, were their values known."""
    hidden = {name: "" for name, text in (given.variables or {}).items() if REDACTED in text}
    return settable(given._replace(variables=hidden))


def _execute(found: Sequence[Launch], environs: Mapping[str, Mapping[str, str]]) -> int:
    sys.stdout.flush()
    for launch in found:
        command = [sys.executable, "-m", "yprov_run", *launch.words]
        folder, environ = launch.folder or None, environs[launch.step]
        try:
            with ExitStack() as stack:
                path = Path(launch.folder, launch.stdin)
                stdin = stack.enter_context(path.open("rb")) if launch.stdin else None
                done = subprocess.run(command, cwd=folder, env=environ, stdin=stdin, check=False)
        except OSError as error:
            raise YprovError(f"{error.filename or folder}: {error.strerror}") from error
        except ValueError as error:  # a NUL in a path or a word
            raise YprovError(f"{launch.step}: {error}") from error
        if done.returncode:
            return done.returncode if done.returncode > 0 else 128 - done.returncode
    return 0

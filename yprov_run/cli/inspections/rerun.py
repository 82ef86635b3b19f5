"""yprov-inspect rerun: the command of a job again, with what differs today."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from yprov_run.cli.common import JobReference, JobsFolder
from yprov_run.cli.complain import complain
from yprov_run.cli.inspections.today import differences
from yprov_run.errors import YprovError
from yprov_run.report.facts import ENVIRONMENT, MODULES, facts
from yprov_run.report.reading import Document, document_of, find
from yprov_run.report.views import Launch, launches
from yprov_run.report.words import plain

PROGRAM = "yprov-inspect rerun"
_REDACTED = "<redacted>"


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
    variables, modules = _variables(document), _modules(document)
    for warning in differences(document, place.path, found, {**os.environ, **variables}):
        complain(PROGRAM, plain(warning, 400))
    print(_script(found, variables, modules))
    if not execute:
        return 0
    if any(_REDACTED in word for launch in found for word in launch.argv):
        raise YprovError(f"{job}: a credential was left out of its command; run it by hand")
    if modules:
        complain(PROGRAM, "modules are not loaded here; load them first if they are not")
    return _execute(found, variables)


def _variables(document: Document) -> dict[str, str]:
    """Return the recorded variables that a shell can set; the scheduler's own are not ours."""
    return {
        fact.key: fact.value
        for fact in facts(document)
        if fact.section == ENVIRONMENT
        and fact.key.isidentifier()
        and not fact.key.startswith(("SLURM_", "SBATCH_", "PBS_", "LSB_", "FLUX_"))
        and _REDACTED not in fact.value
    }


def _modules(document: Document) -> list[str]:
    return [
        f"{fact.key}/{fact.value}" if fact.value and fact.value != fact.key else fact.key
        for fact in facts(document)
        if fact.section == MODULES and " " not in fact.key and "/" not in fact.value
    ]


def _script(found: list[Launch], variables: Mapping[str, str], modules: list[str]) -> str:
    lines = ["set -e"]
    lines += [f"module load {_quoted(name)}" for name in modules]
    lines += [f"export {name}={_quoted(text)}" for name, text in sorted(variables.items())]
    for _, argv, folder in found:
        lines.append(f"cd {_quoted(folder or '.')}")
        lines.append("yprov-run " + " ".join(map(_quoted, argv)))
    return "\n".join(lines)


def _quoted(word: str) -> str:
    """Return a word as bash reads it back; what would act on a terminal is spelled out."""
    if plain(word, len(word)) == word:
        return shlex.quote(word)
    letters = "".join(
        character if character.isascii() and character.isprintable() and character not in "'\\"
        else "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
        for character in word
    )  # fmt: skip
    return f"$'{letters}'"


def _execute(found: list[Launch], variables: Mapping[str, str]) -> int:
    sys.stdout.flush()
    for _, argv, folder in found:
        command = [sys.executable, "-m", "yprov_run", *argv]
        try:
            done = subprocess.run(
                command, cwd=folder or None, env={**os.environ, **variables}, check=False
            )
        except OSError as error:
            raise YprovError(f"{folder}: {error.strerror}") from error
        if done.returncode:
            return done.returncode if done.returncode > 0 else 128 - done.returncode
    return 0

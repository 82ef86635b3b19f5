"""yprov-run: run a command as it would run without us, and record it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from yprov_run.cli.shell import complain, execute, show_version
from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir, StepDir
from yprov_run.launch import supervise
from yprov_run.launch.plan import Plan, bare_command, make_plan, quoted
from yprov_run.launch.record import (
    JOB_DIR_VARIABLE,
    enclosing_job,
    open_job,
    record_end,
    record_files,
    record_step,
)
from yprov_run.launch.stragglers import end_stragglers
from yprov_run.launch.supervise import Outcome
from yprov_run.schedulers import detect

PROGRAM = "yprov-run"
_FILES_BUDGET_S = 60.0
_LAST_RECORDS_S = 1.0
_SHORTEST_INTERVAL_S = 0.01

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    argv: tuple[str, ...]
    base: Path
    name: str | None
    interval_s: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tags: dict[str, str]
    merge: bool
    quiet: bool


@app.command(
    context_settings={
        "allow_interspersed_args": False,
        "ignore_unknown_options": False,
        "help_option_names": ["-h", "--help"],
    },
    epilog="Example: yprov-run --tag run=base srun -N 4 --ntasks-per-node=8 python train.py",
)
def run(
    command: Annotated[
        list[str], typer.Argument(metavar="[--] COMMAND [ARGS]...", help="What to run.")
    ],
    directory: Annotated[
        Path, typer.Option("--dir", envvar="YPROV_DIR", help="Where job directories go.")
    ] = Path("yprov"),
    name: Annotated[
        str | None,
        typer.Option(envvar="YPROV_NAME", help="The job's name. [default: the scheduler's]"),
    ] = None,
    interval: Annotated[
        float, typer.Option(envvar="YPROV_INTERVAL", help="Seconds between samples.")
    ] = 1.0,
    inputs: Annotated[
        list[str] | None,
        typer.Option("-i", "--input", help="A file, folder or glob that is read. Repeatable."),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option("-o", "--output", help="A file, folder or glob that is written. Repeatable."),
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Repeatable.")
    ] = None,
    no_merge: Annotated[
        bool, typer.Option("--no-merge", help="Record only; merge later with yprov-merge.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the command that would run, and end.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print no summary.")] = False,
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version."),
    ] = None,
) -> Outcome | None:
    """Run a command exactly as it would run without this word before it, and record it.

    Options end at the first word that is not one: the command's own options are never touched.
    """
    del version
    request = Request(
        argv=tuple(command),
        base=directory,
        name=name,
        interval_s=_checked_interval(interval),
        inputs=tuple(inputs or ()),
        outputs=tuple(outputs or ()),
        tags=_checked_tags(tags or []),
        merge=not no_merge,
        quiet=quiet,
    )
    if dry_run:
        plan = make_plan(
            request.argv, StepDir(directory.absolute() / "JOB/record/steps/0"), _search_path()
        )
        if plan.placement.warning:
            complain(PROGRAM, plan.placement.warning)
        print(quoted(plan.command))
        return None
    return _run(request)


def _checked_interval(interval: float) -> float:
    if not _SHORTEST_INTERVAL_S <= interval <= 86400:
        raise YprovError(
            f"--interval {interval:g}: give seconds between {_SHORTEST_INTERVAL_S:g} and 86400"
        )
    return interval


def _checked_tags(tags: list[str]) -> dict[str, str]:
    result = {}
    for tag in tags:
        key, equals, value = tag.partition("=")
        if not key or not equals:
            raise YprovError(f"--tag {tag!r}: give it as KEY=VALUE")
        result[key] = value
    return result


def _search_path() -> str:
    return os.environ.get("PATH", os.defpath)


def _run(request: Request) -> Outcome:
    """Record, launch, wait, record the end, merge: in that order, and each may fail but one."""
    prepared = _try_to_prepare(request)
    if prepared is None:
        return _launch(bare_command(request.argv))
    plan = prepared.plan
    if plan.placement.warning:
        complain(PROGRAM, plan.placement.warning)
    os.environ[JOB_DIR_VARIABLE] = str(prepared.job.path)
    outcome = _launch(plan.command)
    if plan.original:
        request = replace(request, inputs=(*request.inputs, plan.original))
    _conclude(request, prepared, outcome)
    return outcome


def _launch(command: Sequence[str]) -> Outcome:
    outcome = supervise.run(command)
    if outcome.error:
        complain(PROGRAM, outcome.error)
    return outcome


@dataclass(frozen=True)
class Prepared:
    """What is on disk before the launch; `is_inner` where the launch is a step of one around it."""

    job: JobDir
    step: StepDir
    plan: Plan
    is_inner: bool


def _try_to_prepare(request: Request) -> Prepared | None:
    """Write what must be on disk before the launch; None, with one warning, if that fails."""
    try:
        return _prepare(request)
    except OSError as error:
        complain(PROGRAM, f"nothing will be recorded: {error.filename}: {error.strerror}")
    except Exception as error:  # noqa: BLE001 - fails open: the job runs whatever we do wrong
        complain(PROGRAM, f"nothing will be recorded: {type(error).__name__}: {error}")
    return None


def _prepare(request: Request) -> Prepared:
    scheduler = detect(os.environ)
    enclosing = enclosing_job(os.environ)
    name = request.name or scheduler.name or _name_of(request.argv)
    job = enclosing or open_job(request.base, name, scheduler, request.tags)
    step = job.add_step()
    plan = make_plan(request.argv, step, _search_path())
    record_step(step, request.argv, plan, request.interval_s, request.tags)
    return Prepared(job, step, plan, is_inner=enclosing is not None)


_INTERPRETERS = ("python", "bash", "sh", "Rscript", "julia", "perl", "ruby", "node")


def _name_of(argv: tuple[str, ...]) -> str:
    """Name a local job after its program, or after the script that an interpreter runs."""
    program = Path(argv[0]).name
    if program.startswith(_INTERPRETERS):
        for word in argv[1:]:
            if not word.startswith("-") and os.path.isfile(word):  # noqa: PTH113 - never raises
                return Path(word).stem
    return program


def _conclude(request: Request, prepared: Prepared, outcome: Outcome) -> None:
    """Record the end and make the document. The job is over: nothing here may change its status."""
    try:
        # Ctrl-C ends this work, not what is on disk; other signals are for the job that is over.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        written = _write_end(request, prepared.step, outcome)
        if written and request.merge and not prepared.is_inner:
            _await_last_records(prepared.step)
            _merge(request, prepared.job)
    except KeyboardInterrupt:
        complain(PROGRAM, f"interrupted; for the document: yprov-merge {prepared.job.path}")


def _write_end(request: Request, step: StepDir, outcome: Outcome) -> bool:
    """Write the step's end; False, with one warning, where that is refused."""
    try:
        record_end(step, outcome)
        if request.inputs or request.outputs:
            # Here and not above: the launch need not wait for it.
            from yprov_run.capture.files import capture

            record_files(
                step,
                capture(request.inputs, "input", _FILES_BUDGET_S)
                + capture(request.outputs, "output", _FILES_BUDGET_S),
            )
    except OSError as error:
        complain(PROGRAM, f"the end is not recorded: {error.filename}: {error.strerror}")
        return False
    return True


def _await_last_records(step: StepDir) -> None:
    """Give the agents a moment for their last words; on shared file systems they may come late."""
    from yprov_run.trace.events import has_end

    give_up = time.monotonic() + _LAST_RECORDS_S
    waiting = step.node_keys()
    while waiting and time.monotonic() < give_up:
        waiting = [key for key in waiting if not has_end(step.node(key).events)]
        if waiting:
            time.sleep(0.01)
    if waiting:
        end_stragglers([step.node(key) for key in waiting])


def _merge(request: Request, job: JobDir) -> None:
    """Make the document and print the summary; a fault here is a warning, never the job's."""
    from yprov_run.cli.fold import fold
    from yprov_run.report.terminal import make_console, print_summary

    try:
        merged = fold(job)
        if not request.quiet and sys.stderr is not None:
            print_summary(merged, _short(job.document), make_console(stream_is_stderr=True))
    except YprovError as error:
        complain(PROGRAM, f"no document: {error}")
    except Exception as error:  # noqa: BLE001 - fails open: the job is over
        complain(PROGRAM, f"no document: {type(error).__name__}: {error}; try yprov-merge")


def _short(path: Path) -> Path:
    with suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path


def main() -> None:
    """Run the command line, then end as the command ended."""
    if isinstance(sys.stdout, TextIOWrapper):  # not where it was closed before we were started
        sys.stdout.reconfigure(errors="surrogateescape")
    outcome = execute(app, PROGRAM)
    if isinstance(outcome, Outcome):
        supervise.end_like(outcome)

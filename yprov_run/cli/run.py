"""yprov-run: run a command as it would run without us, and record it."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

from yprov_run.cli import quick
from yprov_run.cli.capturing import Capturing
from yprov_run.cli.complain import answering, complain
from yprov_run.cli.request import Request
from yprov_run.errors import YprovError, said
from yprov_run.jobdir import JobDir, StepDir
from yprov_run.launch import supervise
from yprov_run.launch.plan import Plan, bare_command, make_plan, quoted
from yprov_run.launch.record import (
    JOB_DIR_VARIABLE,
    enclosing_job,
    open_job,
    record_end,
    record_step,
)
from yprov_run.launch.stragglers import end_stragglers
from yprov_run.launch.supervise import Outcome
from yprov_run.light import TYPE_CHECKING, NamedTuple
from yprov_run.schedulers import detect

if TYPE_CHECKING:
    from typing import NoReturn

PROGRAM = "yprov-run"
_LAST_RECORDS_S = 1.0
_LAST_LOOK_S = 0.2  # for the energy counters of short jobs


def _search_path() -> str:
    return os.environ.get("PATH", os.defpath)


def _run(request: Request) -> NoReturn:
    """Record, launch, wait, record the end, merge, end: each of them may fail but two."""
    # A command without a name is not found, and nothing of it to be recorded; dash says otherwise.
    prepared = _try_to_prepare(request) if request.argv[0] else None
    if prepared is None:
        supervise.end_like(_launch(bare_command(request.argv)))
    plan = prepared.plan
    if plan.placement.warning:
        complain(PROGRAM, plan.placement.warning)
    os.environ[JOB_DIR_VARIABLE] = str(prepared.job.path)
    if plan.original:
        request = request._replace(inputs=(*request.inputs, plan.original))
    capturing = Capturing(request, prepared.job, prepared.step, plan.placement.launcher)
    begin = capturing.begin if request.capture else None
    outcome = _launch(plan.command, begin, lambda reason: _unrecorded(request, reason))
    try:
        _conclude(request, prepared, outcome, capturing)
    finally:  # whatever came: libraries may want to exit, a person may press Ctrl-C once more
        supervise.end_like(outcome)


def _launch(
    command: Sequence[str],
    launched: Callable[[int], None] | None = None,
    bare: Callable[[str], Sequence[str]] | None = None,
) -> Outcome:
    outcome = supervise.run(command, launched, bare)
    if outcome.error:
        complain(PROGRAM, outcome.error)
    return outcome


def _unrecorded(request: Request, reason: str) -> list[str]:
    """Return the bare command, where the system refuses what we would make of it."""
    del os.environ[JOB_DIR_VARIABLE]
    complain(PROGRAM, f"{reason}: no task is recorded")
    return bare_command(request.argv)


class Prepared(NamedTuple):
    """What is on disk before the launch; `is_inner` where the launch is a step of one around it;
    `folder` is where it happens."""

    job: JobDir
    step: StepDir
    plan: Plan
    is_inner: bool
    folder: str


def _try_to_prepare(request: Request) -> Prepared | None:
    """Write what must be on disk before the launch; None, with one warning, if that fails."""
    try:
        return _prepare(request)
    except OSError as error:
        complain(PROGRAM, f"nothing will be recorded: {said(error, request.base)}")
    except Exception as error:  # noqa: BLE001 - fails open: the job runs whatever we do wrong
        complain(PROGRAM, f"nothing will be recorded: {type(error).__name__}: {error}")
    return None


def _prepare(request: Request) -> Prepared:
    scheduler = detect(os.environ)
    enclosing = enclosing_job(os.environ)
    name = request.name or scheduler.name or _name_of(request.argv)
    job = enclosing or open_job(request.base, name, scheduler, dict(request.tags))
    step = job.add_step()
    plan = make_plan(request.argv, step, _search_path())
    record_step(
        step, request.argv, plan, request.interval_s, dict(request.tags), scheduler.restart,
        request.capture, request.options(),
    )  # fmt: skip
    return Prepared(job, step, plan, is_inner=enclosing is not None, folder=str(Path.cwd()))


_INTERPRETERS = ("python", "bash", "sh", "Rscript", "julia", "perl", "ruby", "node")


def _name_of(argv: tuple[str, ...]) -> str:
    """Name a local job after its program, or after the script that an interpreter runs."""
    program = Path(argv[0]).name
    if program.startswith(_INTERPRETERS):
        for word in argv[1:]:
            if not word.startswith("-") and os.path.isfile(word):  # noqa: PTH113 - never raises
                return Path(word).stem
    return program


def _conclude(request: Request, prepared: Prepared, outcome: Outcome, capturing: Capturing) -> None:
    """Record the end and make the document. The job is over: nothing here may change its status."""
    written = True  # until that is refused, and told
    try:
        gc.enable()
        # Ctrl-C ends this work, not what is on disk; other signals are for the job that is over.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        written = _write_end(prepared.step, outcome)
        capturing.conclude()
        if written:
            request_of_all = capturing.widened(request)
            _look_at_files(
                request_of_all, prepared, outcome, lambda: capturing.capture_end(outcome)
            )
            _look_at_worth(request, prepared, outcome)
        if request.merge and not prepared.is_inner:
            _await_last_records(prepared.step)
            if written:
                _merge(request, prepared.job)
    except KeyboardInterrupt:
        complain(PROGRAM, f"interrupted; for the document: yprov-merge {prepared.job.path}")
    except Exception as error:  # noqa: BLE001 - fails open: the installation may be gone by now
        words = f"{type(error).__name__}: {error}"
        if written:
            complain(PROGRAM, f"no document: {words}; try yprov-merge {prepared.job.path}")


def _write_end(step: StepDir, outcome: Outcome) -> bool:
    """Write the step's end; False, with one warning, where that is refused."""
    try:
        record_end(step, outcome)
    except OSError as error:
        complain(PROGRAM, f"the end is not recorded: {said(error, step.path)}")
        return False
    return True


def _look_at_files(
    request: Request, prepared: Prepared, outcome: Outcome, meanwhile: Callable[[], None]
) -> None:
    """Record what the step read and wrote; a fault here is a warning, never the job's.

    `meanwhile` is done beside it.
    """
    if not (request.capture or request.inputs or request.outputs):
        return
    # Here and not above: the launch need not wait for it.
    from yprov_run.capture.container import image_files
    from yprov_run.capture.files import Wanted
    from yprov_run.capture.outputname import stream_files
    from yprov_run.cli.after import look_at_files

    named = (prepared.folder, request.inputs, request.outputs)
    if request.capture:
        placed = prepared.plan.placement.positions
        logs = stream_files(request.argv[: placed[0]] if placed else (), os.environ)
        wanted = Wanted(*named, logs, request.argv, images=image_files(prepared.step))
    else:
        wanted = Wanted(*named, own_streams=False, look_around=False)
    show = not request.quiet
    try:
        ends_s = detect(os.environ).ends_s
        problem = look_at_files(wanted, prepared.step, outcome, ends_s, show, meanwhile)
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        complain(PROGRAM, f"inputs and outputs are not recorded: {problem}")


def _look_at_worth(request: Request, prepared: Prepared, outcome: Outcome) -> None:
    """Record how much work was done; a fault here is a warning, never the job's."""
    from yprov_run.cli.worth import look_at_worth

    try:
        problem = look_at_worth(request.merits, Path(prepared.folder), prepared.step, outcome)
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        complain(PROGRAM, f"how much work was done is not recorded: {problem}")


def _await_last_records(step: StepDir) -> None:
    """Give the agents a moment for their last words; on shared file systems they may come late."""
    from yprov_run.trace.events import has_end, looks_on

    give_up = time.monotonic() + _LAST_RECORDS_S
    keys = waiting = step.node_keys()
    while waiting and time.monotonic() < give_up:
        waiting = [key for key in waiting if not has_end(step.node(key).events)]
        if waiting:
            time.sleep(0.01)
    if waiting or not keys:  # none: their files may have been deleted
        end_stragglers(step.nodes_dir)
    looking = step.node_keys()
    give_up = time.monotonic() + _LAST_LOOK_S
    while looking and time.monotonic() < give_up:
        looking = [key for key in looking if looks_on(step.node(key).events)]
        if looking:
            time.sleep(0.01)


def _merge(request: Request, job: JobDir) -> None:
    """Make the document and print the summary; a fault here is a warning, never the job's."""
    missing = "document"
    try:
        from yprov_run.cli.fold import fold
        from yprov_run.cli.progress import Progress

        with Progress("merging", wanted=not request.quiet) as progress:
            merged = fold(job, with_report=request.report, show=progress.show)
        if not request.quiet and sys.stderr is not None:
            missing = "summary"
            from yprov_run.report.terminal import make_console, print_summary

            report = _short(job.report) if request.report else None
            print_summary(merged, _short(job.document), make_console(stream_is_stderr=True), report)
    except YprovError as error:
        complain(PROGRAM, f"no {missing}: {error}")
    except Exception as error:  # noqa: BLE001 - fails open: the job is over
        complain(PROGRAM, f"no {missing}: {type(error).__name__}: {error}; try yprov-merge")


def _short(path: Path) -> Path:
    with suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path


def main() -> None:
    """Run the command line, then end as the command ended."""
    if isinstance(sys.stdout, TextIOWrapper):  # not where it was closed before we were started
        sys.stdout.reconfigure(errors="surrogateescape")
    request = quick.read(sys.argv[1:], os.environ, Path())
    if request is None:
        with _interruptible():  # it may ask questions
            request = _read_with_typer()
    if request is None:
        return
    if request.dry_run:
        with answering(PROGRAM):
            _show(request)
        return
    _run(request)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, unless it is ignored."""
    given = signal.getsignal(signal.SIGINT)
    if given is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, given)


def _read_with_typer() -> Request | None:
    """Return what the user asked for; None if that has been answered, as for --help."""
    first, _, value = "".join(sys.argv[1:2]).partition("=")
    if first == "--init":
        from yprov_run.cli import init

        init.main([value, *sys.argv[2:]] if value else sys.argv[2:])
        return None
    from yprov_run.cli.options import app
    from yprov_run.cli.shell import execute

    request = execute(app, PROGRAM)
    return request if isinstance(request, Request) else None


def _show(request: Request) -> None:
    """Print the command that would run, for --dry-run."""
    step = StepDir(request.base.absolute() / "JOB/record/steps/0")
    plan = make_plan(request.argv, step, _search_path())
    if plan.placement.warning:
        complain(PROGRAM, plan.placement.warning)
    print(quoted(plan.command))

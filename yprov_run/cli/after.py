"""After the step: look at the files that it read and wrote, in a process beside us."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from yprov_run import config
from yprov_run.capture.before import Before, load
from yprov_run.capture.files import Survey, Wanted
from yprov_run.capture.hashing import Budget
from yprov_run.capture.idle import step_back
from yprov_run.capture.walk import IGNORED, Ignore
from yprov_run.errors import YprovError
from yprov_run.jobdir import StepDir
from yprov_run.launch.apart import run_apart
from yprov_run.launch.record import record_files
from yprov_run.launch.supervise import Outcome

_DEFAULT_S, _DEFAULT_GB = 60.0, 50.0
_HURRIED_S = 5.0  # a scheduler that ends a job leaves some 30 s for all that is left to do
_WALK_S = 60.0  # beside the checksums, for listing
_MARGIN_S = 30.0
_SHOWN_AFTER_S = 1.0
_LINE_S = 0.25


@dataclass(frozen=True)
class FileSettings:
    """How far the look at files goes; seconds and bytes are for checksums."""

    seconds: float = _DEFAULT_S
    size_bytes: int = int(_DEFAULT_GB * 1e9)
    ignore: tuple[str, ...] = IGNORED
    look_around: bool = True


def file_settings(environ: Mapping[str, str], folder: Path) -> FileSettings:
    """Return the settings of the configuration files; the defaults where they are broken."""
    try:
        found = config.load(config.files(environ, folder))
    except YprovError:
        return FileSettings()  # said before the launch, where it was there then
    seconds, size_gb = found.get("checksum_seconds"), found.get("checksum_gb")
    ignore = found.get("ignore")
    return FileSettings(
        seconds if isinstance(seconds, float) else _DEFAULT_S,
        int((size_gb if isinstance(size_gb, float) else _DEFAULT_GB) * 1e9),
        (*IGNORED, *ignore) if isinstance(ignore, tuple) else IGNORED,
        found.get("find_files") is not False,
    )


def look_at_files(
    wanted: Wanted,
    step: StepDir,
    outcome: Outcome,
    ends_s: int | None,
    show: bool,
    meanwhile: Callable[[], None],
) -> str:
    """Write the step's files; return in words why that was not done, or nothing.

    `ends_s` is the end of the scheduler's allocation, in seconds since the epoch; `meanwhile` is
    done beside it.
    """
    settings = file_settings(os.environ, Path(wanted.folder))
    seconds = seconds_for_checksums(settings.seconds, outcome, ends_s, time.time())

    def work() -> None:
        step_back()
        budget = Budget(seconds, settings.size_bytes)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: budget.stop())
        survey = Survey(
            wanted=wanted._replace(look_around=wanted.look_around and settings.look_around),
            before=_before(step, outcome),
            budget=budget,
            manifests=step.manifests,
            ignore=Ignore(settings.ignore),
            walk_until=time.monotonic() + min(seconds, _DEFAULT_S) + min(_WALK_S, seconds),
        )
        with _progress(budget) if show else contextlib.nullcontext():
            captured = survey.run()
        record_files(step, captured)

    margin_s = _HURRIED_S if outcome.was_killed else _MARGIN_S
    words = run_apart(work, seconds + min(_WALK_S, seconds) + margin_s, meanwhile)
    with contextlib.suppress(OSError):
        step.before.unlink()
    return words


def seconds_for_checksums(
    wanted_s: float, outcome: Outcome, ends_s: int | None, now_s: float
) -> float:
    """Return how long checksums may take: less where the job is being ended, or soon will be."""
    if outcome.was_killed:
        return min(wanted_s, _HURRIED_S)
    if ends_s is not None:
        return min(wanted_s, max(_HURRIED_S, ends_s - now_s - _MARGIN_S))
    return wanted_s


def _before(step: StepDir, outcome: Outcome) -> Before:
    """Return what was there at the launch."""
    before = load(step.before, outcome.started_ms * 1_000_000)
    with contextlib.suppress(OSError):
        # Its time is the launch by the file system's own clock, which may differ from ours.
        status = step.command.stat()
        before.started_ns[status.st_dev] = status.st_mtime_ns
    return before


@contextlib.contextmanager
def _progress(budget: Budget) -> Iterator[None]:
    """Show a line that says how far the checksums are, if a person waits and it takes a while."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    done = threading.Event()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())

    def keep_telling() -> None:
        if done.wait(_SHOWN_AFTER_S):
            return
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("checksums")
            while not done.wait(_LINE_S):
                size_gb = budget.hashed_bytes / 1e9
                words = f"checksums: {budget.hashed_files:,} files, {size_gb:.1f} GB"
                progress.update(task, description=f"{words} (Ctrl-C goes on without)")

    teller = threading.Thread(target=keep_telling, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()

"""yprov-inspect watch: a running job, live, from its directory alone."""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from yprov_run.cli.common import JobReference, JobsFolder
from yprov_run.errors import YprovError
from yprov_run.finding import find_job
from yprov_run.report.live import LiveJob
from yprov_run.report.screen import frame

_ENTER, _LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_FASTEST_S = 0.1
_LOG_SIZE = (80, 24)


def watch(
    job: JobReference,
    directory: JobsFolder = Path("yprov"),
    every: Annotated[float, typer.Option(metavar="SECONDS", help="Between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="One look as plain text, and end.")] = False,
) -> None:
    """Show a running job: use, power and memory of each node, silent and slow ones first.

    `q` ends it. Nothing of the job is touched: it reads what the nodes write.
    """
    if not _FASTEST_S <= every <= 3600:
        raise YprovError(f"--every {every:g}: give seconds between {_FASTEST_S:g} and 3600")
    live = LiveJob(find_job(job, directory))
    live.refresh()
    if once or not (sys.stdin.isatty() and sys.stdout.isatty()):
        columns, lines = shutil.get_terminal_size(_LOG_SIZE)
        for line in frame(live, _now_ms(), columns, lines, _is_ascii(), in_log=True):
            print(line.plain.rstrip())
        return
    with _own_screen():
        while True:
            size = os.get_terminal_size(sys.stdout.fileno())
            _draw(frame(live, _now_ms(), size.columns, size.lines, _is_ascii()), size.columns)
            if _wait_for_end(every):
                return
            live.refresh()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _is_ascii() -> bool:
    return "utf" not in (sys.stdout.encoding or "").lower()


def _draw(lines: Sequence[Text], width: int) -> None:
    """Write a whole screen over the last one, in one go: nothing is cleared first."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, force_terminal=True, width=width, highlight=False, emoji=False, markup=False,
        no_color="NO_COLOR" in os.environ,
    )  # fmt: skip
    parts = []
    for line in lines:
        console.print(line, end="", no_wrap=True, overflow="crop", crop=True)
        parts.append(buffer.getvalue() + _END_OF_LINE)
        buffer.seek(0)
        buffer.truncate()
    sys.stdout.write(_HOME + "\r\n".join(parts) + _END_OF_SCREEN)
    sys.stdout.flush()


@contextlib.contextmanager
def _own_screen() -> Iterator[None]:
    """Use the terminal's other screen, with keys that come one by one and unseen.

    The terminal is as it was afterwards, and while the program is suspended.
    """
    before = termios.tcgetattr(sys.stdin.fileno())

    def take() -> None:
        tty.setcbreak(sys.stdin.fileno())
        os.write(sys.stdout.fileno(), _ENTER)

    def give_back() -> None:
        with contextlib.suppress(OSError):
            # Past Python's buffer, in which a signal may have interrupted a writer.
            os.write(sys.stdout.fileno(), _LEAVE)
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)

    def suspend(number: int, _: object) -> None:
        give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # and here it goes on
        signal.signal(number, suspend)
        take()

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    signal.signal(signal.SIGTSTP, suspend)
    take()
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        give_back()


def _wait_for_end(seconds: float) -> bool:
    """Wait until it is time to look again; True if `q` was pressed, or no more keys can come."""
    give_up = time.monotonic() + seconds
    while (rest := give_up - time.monotonic()) > 0:
        ready, _, _ = select.select([sys.stdin], [], [], rest)
        if ready:
            key = os.read(sys.stdin.fileno(), 1)
            if key in (b"q", b"Q", b""):
                return True
    return False

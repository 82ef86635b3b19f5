"""Work that may hang, in a process of its own: it is given a time, and then left behind.

A file on a file system that no longer answers holds whoever touches it for good; that must not be
yprov-run, which has a job's exit status to pass on.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

from yprov_run.capture.parent import die_with_parent
from yprov_run.launch.supervise import FORWARDED

Mask = set[int | signal.Signals]  # of blocked signals

_MAX_WORDS = 4096
_AFTER_INTERRUPT_S = 20.0


def run_apart(
    work: Callable[[], None], timeout_s: float, meanwhile: Callable[[], None] | None = None
) -> str:
    """Run work in a forked process; return an empty text, or in words why it was not done.

    `meanwhile` is done here beside it. The first Ctrl-C is the work's own: it should end soon. A
    second one ends the wait.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until it can be the work's
    try:
        return _run_apart(work, timeout_s, meanwhile or _nothing, mask)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _nothing() -> None:
    """Do nothing beside the work."""


def _run_apart(
    work: Callable[[], None], timeout_s: float, meanwhile: Callable[[], None], mask: Mask
) -> str:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _be_the_worker(work, writer)
    os.close(writer)
    try:
        interrupted = not _is_done(meanwhile, pid, mask)
        return _listen(pid, reader, timeout_s, interrupted, mask)
    finally:
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _reap(pid)


def _be_the_worker(work: Callable[[], None], writer: int) -> None:
    """Do the work in the child and end; whatever goes wrong is written to our parent."""
    try:
        die_with_parent()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        work()
        os.write(writer, b"\0")
    except BaseException as error:  # noqa: BLE001 - fails open: named by our parent
        words = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        os.write(writer, words[:_MAX_WORDS])
    finally:
        os._exit(0)


def _is_done(meanwhile: Callable[[], None], pid: int, mask: Mask) -> bool:
    """Do what is done beside the work; False if Ctrl-C ended it."""
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        meanwhile()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    except KeyboardInterrupt:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        return False
    return True


def _listen(pid: int, reader: int, timeout_s: float, interrupted: bool, mask: Mask) -> str:
    give_up = time.monotonic() + (_AFTER_INTERRUPT_S if interrupted else timeout_s)
    while True:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            left_s = give_up - time.monotonic()
            if left_s <= 0 or not select.select([reader], [], [], left_s)[0]:
                return "it took too long"
            words = os.read(reader, _MAX_WORDS)
            if words == b"\0":
                return ""
            return words.decode("utf-8", "replace") if words else "it was killed"
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)  # Ctrl-C went to both; a signal for us alone did not
            give_up = min(give_up, time.monotonic() + _AFTER_INTERRUPT_S)


def _reap(pid: int) -> None:
    """Take the end of a process that was killed; one that the kernel holds is left behind."""
    for _ in range(100):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                time.sleep(0.01)
                continue
        return

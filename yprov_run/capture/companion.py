"""The process beside a running job that captures what can be captured while it runs.

Nothing is imported here that the job would wait for: all that is heavy, the process imports itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

from yprov_run.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

_PR_SET_NAME = 15
_LONGEST_S = 60
_KILLED_S = 0.5
_POLL_S = 0.01


class Companion:
    """A process forked after the launch. It is no part of the job.

    It is in a session of its own, holds none of our streams or files, gets no signal but KILL,
    works at the lowest priority, and ends by itself; after the job's end it is given a moment.
    """

    def __init__(self) -> None:
        self._pid: int | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Start the work. Raises OSError if there can be no more processes."""
        pid = os.fork()
        if pid == 0:
            _be_companion(work)
        self._pid = pid

    def finish(self, grace_s: float) -> None:
        """Wait for its end, but not longer than `grace_s` seconds; then kill it."""
        try:
            self._wait(grace_s)
        finally:
            if self._pid is not None:
                os.kill(self._pid, signal.SIGKILL)
                # Not for long: the kernel may hold it in a call to a file server.
                self._wait(_KILLED_S)
                self._pid = None

    def _wait(self, limit_s: float) -> None:
        give_up = time.monotonic() + limit_s
        while not self._has_ended() and time.monotonic() < give_up:
            time.sleep(_POLL_S)

    def _has_ended(self) -> bool:
        with contextlib.suppress(ChildProcessError):
            if self._pid is not None and os.waitpid(self._pid, os.WNOHANG) == (0, 0):
                return False
        self._pid = None
        return True


def _be_companion(work: Callable[[], None]) -> NoReturn:
    """Be the process; whatever happens here ends here."""
    try:
        _let_go()
        work()
    finally:
        os._exit(0)


def _let_go() -> None:
    """Stand back behind everybody, first of all, and leave the job's session, streams, files and
    signals.
    """
    from yprov_run.capture.idle import step_back, yield_processor

    yield_processor()
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are all it needs
        if int(name) > 2:
            with contextlib.suppress(OSError):
                os.close(int(name))
    # What is sent to everybody in the job is not for us. One kernel timer ends us whatever hangs.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.alarm(_LONGEST_S)
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_NAME, b"yprov-capture", 0, 0, 0)
    step_back()

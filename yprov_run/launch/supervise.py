"""Run a command as if we were not there: its signals, its terminal, its end.

The command is our child in our own process group, so that the terminal's job control reaches it as
it would without us. Signals sent to us alone are passed on; those that were sent to everybody have
reached it already, unless it has left our group.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence, Set

from yprov_run.launch.foreground import STOPS, CommandGroup, open_terminal
from yprov_run.light import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import NoReturn

NOT_FOUND, NOT_EXECUTABLE = 127, 126

# Those that stop are waited for where a shell waits for us to stop. A fault of ours (SIGSEGV) ends
# us although it is blocked; only what others send can be waited for.
_NOT_FORWARDED = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD} | STOPS
FORWARDED = frozenset(signal.valid_signals()) - _NOT_FORWARDED
_SI_USER, _SI_KERNEL = 0, 0x80
# Of the kernel's own signals, these are not the command's: a terminal sends them to everybody in
# the foreground, and the last is for the time that we computed ourselves.
_KERNELS_TO_US = {signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGXCPU} | STOPS
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_BROADCAST_S, _STALE_S = 0.1, 1.0
_WORDS_BYTES = 4096
_LET_START_S = 0.05
_LOOK_S, _TOLD_LOOK_S = 1.0, 3600.0  # at who our parent is; the kernel ends us where it was told


class Outcome(NamedTuple):
    """How the command ended: an exit status, or the signal it died of; times in UTC ms."""

    started_ms: int
    ended_ms: int
    exit_status: int | None = None
    signal: int | None = None
    error: str = ""

    @property
    def was_killed(self) -> bool:
        """Whether it died of a signal, or says that something of it did: we may be next."""
        return self.signal is not None or (self.exit_status or 0) > 128


def run(
    command: Sequence[str],
    launched: Callable[[int], None] | None = None,
    bare: Callable[[str], Sequence[str]] | None = None,
) -> Outcome:
    """Run a command to its end; while it runs, everything we get that was meant for it is its.

    `launched` is called with its process id as soon as it runs and is watched. It must be quick
    and raise nothing: a signal that comes meanwhile is passed on after it. `bare` is told why the
    system refuses the command with our words in it, or a process for it, and gives it without them.
    Where there is no process, this does not return: the command takes our place.
    """
    started_ms, since_ms = _now_ms(), _up_ms()
    terminal = open_terminal()
    awaited = FORWARDED | {signal.SIGCHLD} | (frozenset() if terminal is None else STOPS)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        pid = _spawn(lambda: _become(command, mask))
        if pid is None:
            reason = "no process is left to wait for the command"
            _become(command if bare is None else bare(reason), mask)
    except OSError as error:
        if error.errno == errno.E2BIG and bare is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            return run(bare("no room for our words beside so many arguments"), launched)
        return _failed(command, error, started_ms)
    witness = _witness()
    if launched is not None:
        launched(pid)
    status = _wait(pid, witness, CommandGroup(pid, terminal), awaited)
    if witness is not None:
        witness.dismiss()
    code = os.waitstatus_to_exitcode(status)
    ended_ms = started_ms + _up_ms() - since_ms
    if code < 0:
        return Outcome(started_ms, ended_ms, signal=-code)
    return Outcome(started_ms, ended_ms, exit_status=code)


def end_like(outcome: Outcome) -> NoReturn:
    """End this process as the command ended: with its exit status, or by its signal."""
    with contextlib.suppress(KeyboardInterrupt):  # one that was on its way
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed before we were started
            with contextlib.suppress(OSError):
                stream.flush()
    if outcome.signal is not None:
        import resource

        # The command has dumped its core if it was to; ours would hide it.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if outcome.signal not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(outcome.signal, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {outcome.signal})
        os.kill(os.getpid(), outcome.signal)
    os._exit(128 + outcome.signal if outcome.signal else outcome.exit_status or 0)


def _spawn(become: Callable[[], NoReturn]) -> int | None:
    """Start a process that becomes the command; None if there can be none.

    Raises OSError where the command cannot be run. By fork and exec, as posix_spawn leaves two of
    the C library's signals ignored.
    """
    try:
        reader, writer = os.pipe2(os.O_CLOEXEC)
    except OSError:
        return None
    try:
        pid = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        return None
    if pid == 0:
        try:
            become()
        except OSError as error:
            os.write(writer, str(error.errno).encode())
        finally:
            os._exit(NOT_FOUND)
    os.close(writer)
    with os.fdopen(reader, "rb") as report:
        reason = report.read()
    if reason:
        os.waitpid(pid, 0)
        raise OSError(int(reason), os.strerror(int(reason)))
    return pid


def _become(command: Sequence[str], mask: set[int | signal.Signals]) -> NoReturn:
    """Be the command, with the signals as we were given them. Raises OSError if that cannot be."""
    # Python ignores these two at its start; the command shall not inherit that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if not command[0]:
        raise OSError(errno.ENOENT, "no name")  # Python would refuse it otherwise
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - that is the task
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        # A script without its first line, which a shell would run as well.
        os.execv("/bin/sh", ["/bin/sh", *command])  # noqa: S606 - that is the task


def _failed(command: Sequence[str], error: OSError, started_ms: int) -> Outcome:
    missing = error.errno in {errno.ENOENT, errno.ENOTDIR}
    return Outcome(
        started_ms,
        _now_ms(),
        exit_status=NOT_FOUND if missing else NOT_EXECUTABLE,
        error=f"{command[0]}: {'command not found' if missing else error.strerror}",
    )


def _wait(pid: int, witness: _Witness | None, group: CommandGroup, awaited: Set[int]) -> int:
    """Return the command's wait status, passing on what has not reached it."""
    while True:
        info = signal.sigtimedwait(awaited, group.look_s())
        group.lend_terminal()
        if info is None:
            continue
        group.notice(info.si_signo)
        if info.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if ended and os.WIFSTOPPED(status):
                group.stop_like(os.WSTOPSIG(status))
            elif ended:
                group.take_terminal_back()
                return status
        elif info.si_code == _SI_USER and info.si_pid == os.getpid():
            continue  # we wrote where nobody reads any more, or too much
        else:
            with contextlib.suppress(PermissionError):  # the command is another user's by now
                _pass_on(info, pid, witness, group)


def _pass_on(
    info: signal.struct_siginfo, pid: int, witness: _Witness | None, group: CommandGroup
) -> None:
    """Pass a signal on: to the command what came to us alone, to a group what came to our group."""
    number = info.si_signo
    # The witness is heard also where the kernel says it, or its word would stay.
    was_seen = witness is not None and witness.saw(number)
    if not was_seen and not (info.si_code == _SI_KERNEL and number in _KERNELS_TO_US):
        os.kill(pid, number)
    elif number != signal.SIGXCPU and (apart := group.apart()) is not None:
        os.killpg(apart, number)


def _witness() -> _Witness | None:
    """Return a witness; None where there can be no more processes: the command runs anyway."""
    try:
        return _Witness()
    except OSError:
        return None


class _Witness:
    """A process beside the command that tells whether a signal was sent to everybody.

    It shares our session, process group and container, and does nothing but report the signals it
    gets. What it gets too (a terminal's Ctrl-C, `kill -- -PGID`, a scheduler that signals each
    process of a step) the command has had already, and must not get twice.
    """

    def __init__(self) -> None:
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._reader = reader
        self._seen: list[tuple[int, float]] = []  # the signals, and when they came
        parent = os.getpid()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(reader)
            os.close(writer)
            raise
        if self._pid == 0:
            _be_the_witness(writer, parent)
        os.close(writer)

    def saw(self, number: int) -> bool:
        """Tell whether the witness got this signal as well, waiting a moment for it."""
        give_up = time.monotonic() + _BROADCAST_S
        while True:
            with contextlib.suppress(BlockingIOError):
                for word in os.read(self._reader, _WORDS_BYTES).splitlines():
                    signalled, came_ns = map(int, word.split())
                    self._seen.append((signalled, came_ns / 1e9))
            # Of two signals that were one to us, a word is left: it must not speak for a later one.
            self._seen = [seen for seen in self._seen if seen[1] > give_up - _STALE_S]
            for seen in self._seen:
                if seen[0] == number:
                    self._seen.remove(seen)
                    return True
            if time.monotonic() > give_up:
                return False
            time.sleep(0.002)

    def dismiss(self) -> None:
        """End the witness."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._reader)


def _be_the_witness(writer: int, parent: int) -> NoReturn:
    """Write the number of each signal; end with our parent, or where anything goes wrong."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # one that has stopped can tell of none
    try:
        for descriptor in {0, 1, 2} - {writer}:
            with contextlib.suppress(OSError):  # closed before we were started
                os.close(descriptor)
        # What it takes to load ctypes would be taken from the start of the program beside us.
        give_up = time.monotonic() + _LET_START_S
        while (left := give_up - time.monotonic()) > 0:
            _report_signal(writer, left)
        look_s = _TOLD_LOOK_S if _tell_kernel() else _LOOK_S
        while os.getppid() == parent:  # it may have ended before the kernel was told
            _report_signal(writer, look_s)
    finally:
        os._exit(0)


def _tell_kernel() -> bool:
    """Have the kernel end this process with its parent; False where ctypes is gone by now."""
    try:
        import ctypes
    except ImportError:
        return False
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    libc.prctl(_PR_SET_NAME, b"yprov-witness", 0, 0, 0)
    return True


def _report_signal(writer: int, limit_s: float) -> None:
    """Wait for a signal, not longer than the limit, and write its number and when it came."""
    if info := signal.sigtimedwait(FORWARDED | STOPS, limit_s):
        os.write(writer, b"%d %d\n" % (info.si_signo, time.monotonic_ns()))


def _up_ms() -> int:
    """Return the time since the boot, which nobody sets; it goes on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

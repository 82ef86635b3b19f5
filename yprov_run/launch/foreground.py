"""A command that leads a process group of its own: what is for ours is for that one.

Without us it would lead the group that we lead, the one that a shell and a terminal know. `timeout`
and shells make themselves leaders in any case, which changes nothing there and takes them out of
our group here: signals to it pass them by, and they may not read the terminal.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat

STOPS = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})  # by a terminal, of a group
_FIRST_LOOK_S, _LOOK_S, _NO_LOOK_S = 0.01, 1.0, 3600.0


def open_terminal() -> int | None:
    """Open the terminal that our group may lend; None without one, or if another leads the group.

    Also if others may want to read it: what our output is piped into is of our group, and may be a
    pager.
    """
    with contextlib.suppress(OSError):
        if os.getpgrp() == os.getpid() and not stat.S_ISFIFO(os.fstat(1).st_mode):
            return os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    return None


class CommandGroup:
    """A command's process group, ours or its own, and our terminal, which is closed at the end.

    With a terminal, what stops has to be blocked: it stops us when it has stopped the command, and
    not before. A shell looks at us; it shall not have the terminal back as long as the command goes
    on, which may tidy up first, or not mind.
    """

    def __init__(self, pid: int, terminal: int | None) -> None:
        self._pid = pid
        self._terminal = terminal
        self._ours = os.getpgrp()
        self._leads = self._ours == os.getpid()
        self._seen = 0
        self._was_asked = False  # to stop, by the terminal
        self._look_s = _FIRST_LOOK_S

    def apart(self) -> int | None:
        """Return the command's group, where it has left ours and would lead ours without us.

        Where we do not lead ours (in a script), it would have left that one as well.
        """
        group = os.getpgid(self._pid)
        return group if self._leads and group != self._ours else None

    def look_s(self) -> float:
        """Return how long to wait until the next look at who has the terminal: nothing tells us."""
        if self._terminal is None:
            return _NO_LOOK_S
        self._look_s = min(2 * self._look_s, _LOOK_S)
        return self._look_s

    def lend_terminal(self) -> None:
        """Put the command's group in the terminal's foreground where ours is there."""
        if self._terminal is None or (group := self.apart()) is None:
            return
        self._seen = group
        if _hand_over(self._terminal, self._ours, group):
            _continue(group)  # it may have wanted to read before

    def notice(self, number: int) -> None:
        """Remember that a signal has come."""
        if number in {*STOPS, signal.SIGCONT}:
            self._was_asked = number != signal.SIGCONT

    def stop_like(self, number: int) -> None:
        """Stop as the command was stopped by its terminal, or by itself: a shell waits for us."""
        pending = signal.sigpending()
        if number == signal.SIGSTOP and (self._was_asked or pending & STOPS):
            number = signal.SIGTSTP  # its answer to Ctrl-Z; this stops us where a shell waits only
        # One who has continued everybody meanwhile will not do it again.
        if self._terminal is None or number not in STOPS or signal.SIGCONT in pending:
            return
        group = self.apart()
        if group is None:
            os.kill(os.getpid(), number)
        else:
            os.killpg(self._ours, number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})  # here we stop
        signal.pthread_sigmask(signal.SIG_BLOCK, {number})
        # Somebody has continued us; or nobody could, and the kernel did not stop us.
        if group is not None and signal.SIGCONT not in signal.sigpending():
            _continue(group)

    def take_terminal_back(self) -> None:
        """Put our group in the foreground where the command's was left there."""
        if self._terminal is not None:
            _hand_over(self._terminal, self._seen, self._ours)
            os.close(self._terminal)
            while signal.sigtimedwait(STOPS, 0):
                pass  # it came to everybody, and the command did not stop for it: nor do we
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def _continue(group: int) -> None:
    with contextlib.suppress(OSError):  # it is gone, or another user's by now
        os.killpg(group, signal.SIGCONT)


def _hand_over(terminal: int, holder: int, heir: int) -> bool:
    """Make one group the foreground one if another is; False where it is not, or may not be."""
    # Those in the background are stopped for it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        if os.tcgetpgrp(terminal) != holder:
            return False
        os.tcsetpgrp(terminal, heir)
    except OSError:  # it has hung up, or the command is of another session
        return False
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return True

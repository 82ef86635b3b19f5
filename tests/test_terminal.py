"""On a terminal: Ctrl-C, Ctrl-Z and fg, its size; the job is what the keys are for."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import IN_ITS_OWN_GROUP, environment, only_job
from tests.support.slurm import wait_until

NOTE = Path(__file__).parent / "programs/note.py"


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command: Sequence[str], folder: Path, kind: str = "dumb") -> None:
        self.output = b""
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], list(command), environment(PS1="$ ", TERM=kind))
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def wait_for(self, pattern: bytes, timeout_s: float = 20) -> None:
        """Read until the output has something in it."""
        give_up = time.monotonic() + timeout_s
        while not re.search(pattern, self.output):
            assert time.monotonic() < give_up, (pattern, self.output)
            self._read(0.1)

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self._master], [], [], timeout_s)[0]:
            return True
        try:
            data = os.read(self._master, 4096)
        except OSError:  # the other side is gone
            return False
        self.output += data
        return bool(data)

    def end(self) -> int:
        """Read to the end and return the exit status."""
        while self._read(20):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        """Hang up."""
        os.close(self._master)


@pytest.fixture
def open_terminal() -> Iterator[list[Terminal]]:
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()


@pytest.mark.parametrize("before", [[], IN_ITS_OWN_GROUP], ids=["our group", "its own group"])
@pytest.mark.parametrize(
    ("keys", "name"), [(b"\x03", "SIGINT"), (b"\x1c", "SIGQUIT")], ids=["Ctrl-C", "Ctrl-\\"]
)
def test_a_key_that_signals_reaches_the_program_once(
    keys: bytes, name: str, before: list[str], tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    command = ["yprov-run", "-q", *before, sys.executable, str(NOTE), str(tmp_path)]
    terminal = Terminal(command, tmp_path)
    open_terminal.append(terminal)
    wait_until((tmp_path / "ready.0").exists, "the program", 20)
    terminal.type(keys)
    signal.sigtimedwait([], 0.5)
    (tmp_path / "stop").touch()
    assert terminal.end() == 0
    assert (tmp_path / "seen.0").read_text() == name


def test_a_terminal_that_hangs_up_ends_the_program(tmp_path: Path) -> None:
    """The kernel tells the session's leader alone, as yprov-run is under `ssh -t` or in tmux."""
    command = ["yprov-run", "sh", "-c", "echo $$ >started.new; mv started.new started; sleep 60"]
    terminal = Terminal(command, tmp_path)
    wait_until((tmp_path / "started").exists, "the program", 20)
    terminal.close()
    assert os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == -signal.SIGHUP
    assert not Path("/proc", (tmp_path / "started").read_text().strip()).exists()
    job = documents.job(documents.load(only_job(tmp_path) / "prov.json"))
    assert (job["run:state"], job["run:signal"]) == ("killed", "SIGHUP")


def test_a_signal_to_us_alone_after_ctrl_c_is_passed_on(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    command = ["yprov-run", "-q", sys.executable, str(NOTE), str(tmp_path)]
    terminal = Terminal(command, tmp_path)
    open_terminal.append(terminal)
    wait_until((tmp_path / "ready.0").exists, "the program", 20)
    terminal.type(b"\x03")
    wait_until(lambda: _seen(tmp_path) == ["SIGINT"], "the key", 20)
    os.kill(terminal.pid, signal.SIGINT)
    wait_until(lambda: _seen(tmp_path) == ["SIGINT"] * 2, "the signal", 20)
    (tmp_path / "stop").touch()
    assert terminal.end() == 0
    assert _seen(tmp_path) == ["SIGINT"] * 2


def _seen(folder: Path) -> list[str]:
    """Return the signals that the program has had."""
    path = folder / "signalled.0"
    return path.read_text().split() if path.exists() else []


def test_ctrl_c_ends_a_program_that_does_not_mind_it_and_the_wrapper_like_it(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    terminal = Terminal(["yprov-run", "sh", "-c", "echo go; exec sleep 60"], tmp_path)
    open_terminal.append(terminal)
    terminal.wait_for(b"go")
    terminal.type(b"\x03")
    assert terminal.end() == -signal.SIGINT
    assert b"killed by SIGINT" in terminal.output
    assert (tmp_path / "yprov/sh_1/prov.json").exists()


@pytest.mark.parametrize("before", [b"", b"timeout 60 "], ids=["alone", "timeout"])
def test_ctrl_z_stops_the_job_and_fg_continues_it(
    before: bytes, tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    terminal = _at_a_prompt(tmp_path, open_terminal)
    script = b"echo $$ >pid; echo go''ing; read word; echo got $word"
    terminal.type(b"yprov-run -q %bsh -c '%b'\n" % (before, script))
    terminal.wait_for(rb"going\r\n")
    terminal.type(b"\x1a")
    terminal.wait_for(_STOPPED)
    # Before that it would read what is typed for the shell; behind timeout nobody waits for it.
    wait_until(lambda: not before or _is_stopped(tmp_path), "timeout's program", 20)
    assert _is_stopped(tmp_path)
    terminal.type(b"fg\n")
    terminal.wait_for(rb"fg\r\n.*yprov-run")
    _greet(terminal)


_STOPPED = rb"(?s)Stopped.*\$ $"  # bash drops what is typed before its prompt
# `sys.argv[1]` is by what it stops at last.
_TIDYING = """
import os, signal, sys, time
def tidy(number, _):
    time.sleep(0.3)
    print("ti" + "dy", flush=True)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
signal.signal(signal.SIGTSTP, tidy)
print("go" + "ing", flush=True)
print("got", sys.stdin.readline())
"""


def _at_a_prompt(folder: Path, open_terminal: list[Terminal]) -> Terminal:
    terminal = Terminal(["bash", "--norc", "-i"], folder)
    open_terminal.append(terminal)
    return terminal


def _say(terminal: Terminal, word: bytes, key: bytes = b"") -> None:
    """Type a word for the program, after a key if there is one; it says that it got it."""
    terminal.type(b"%b%b\n" % (key, word))
    terminal.wait_for(b"got " + word)


def _greet(terminal: Terminal) -> None:
    """Type a word for the program, then leave the shell."""
    _say(terminal, b"hello")
    _leave(terminal)


def _leave(terminal: Terminal) -> None:
    terminal.type(b"exit\n")
    terminal.end()


def _is_stopped(folder: Path) -> bool:
    """Tell whether the program that has written its process id does not run at the moment."""
    state = Path("/proc", (folder / "pid").read_text().strip(), "stat").read_text()
    return state.rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("by", ["SIGTSTP", "SIGSTOP"])
def test_a_program_that_tidies_up_when_ctrl_z_comes_has_the_terminal_until_it_stops(
    by: str, tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    (tmp_path / "tidying.py").write_text(_TIDYING)
    terminal = _at_a_prompt(tmp_path, open_terminal)
    terminal.type(b"yprov-run -q %b tidying.py %b\n" % (sys.executable.encode(), by.encode()))
    terminal.wait_for(rb"going\r\n")
    terminal.type(b"\x1a")
    terminal.wait_for(_STOPPED)
    assert terminal.output.index(b"tidy\r\n") < terminal.output.index(b"Stopped")
    terminal.type(b"fg\n")
    terminal.wait_for(rb"fg\r\n.*yprov-run")
    _greet(terminal)


def test_a_program_that_does_not_mind_ctrl_z_goes_on(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    terminal = _at_a_prompt(tmp_path, open_terminal)
    script = b"trap : TSTP; echo go''ing; read a; read b; echo got $a $b"
    terminal.type(b"yprov-run -q bash -c '%b'\n" % script)
    terminal.wait_for(rb"going\r\n")
    terminal.type(b"\x1aone\n")
    terminal.type(b"two\n")
    terminal.wait_for(rb"got one two")
    assert b"Stopped" not in terminal.output
    _leave(terminal)


def test_a_program_that_stops_itself_gives_the_shell_its_prompt(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    terminal = _at_a_prompt(tmp_path, open_terminal)
    terminal.type(b"yprov-run -q sh -c 'kill -TSTP $$; echo wo''ken'\n")
    terminal.wait_for(_STOPPED)
    terminal.type(b"fg\n")
    terminal.wait_for(rb"woken")
    _leave(terminal)


def test_a_stop_for_us_alone_is_the_programs(tmp_path: Path, open_terminal: list[Terminal]) -> None:
    terminal = _at_a_prompt(tmp_path, open_terminal)
    script = b"echo $$ >pid.new; mv pid.new pid; kill -TSTP $PPID; while sleep .1; do :; done"
    terminal.type(b"yprov-run -q sh -c '%b'\n" % script)
    terminal.wait_for(_STOPPED)
    assert _is_stopped(tmp_path)
    terminal.type(b"fg\n")
    wait_until(lambda: not _is_stopped(tmp_path), "fg", 20)
    terminal.type(b"\x03")
    terminal.wait_for(rb"(?s)fg\r\n.*\$ $")
    _leave(terminal)


def _behind_timeout(script: str, folder: Path, open_terminal: list[Terminal]) -> Terminal:
    terminal = Terminal(["yprov-run", "-q", "timeout", "60", "sh", "-c", script], folder)
    open_terminal.append(terminal)
    return terminal


def test_a_program_behind_timeout_reads_the_terminal_and_ctrl_c_ends_it(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    script = "read word; echo got $word; exec sleep 50"
    terminal = _behind_timeout(script, tmp_path, open_terminal)
    _say(terminal, b"hello")
    terminal.type(b"\x03")
    assert terminal.end() == -signal.SIGINT


def test_ctrl_z_behind_timeout_stops_nothing_that_nobody_could_continue(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    """As under `ssh -t`: no shell waits for us, and the kernel does not stop us."""
    script = "read word; echo got $word; read word; echo got $word"
    terminal = _behind_timeout(script, tmp_path, open_terminal)
    _say(terminal, b"one")
    _say(terminal, b"two", key=b"\x1a")
    assert terminal.end() == 0


def test_the_terminal_is_left_to_a_pager_behind_us(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    terminal = _at_a_prompt(tmp_path, open_terminal)
    pager = b"(read word; echo ${word}ing; read word </dev/tty; echo got $word)"
    terminal.type(b"yprov-run -q timeout 60 sh -c 'sleep 1; echo go' | %b\n" % pager)
    terminal.wait_for(rb"going\r\n")
    _greet(terminal)


def test_the_program_has_the_terminal_and_its_size(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    program = (
        "import os, sys; print(os.isatty(0), os.isatty(1), os.isatty(2), *os.get_terminal_size())"
    )
    terminal = Terminal(["sh", "-c", f"sleep .3; yprov-run -q {sys.executable} -c '{program}'"],
                        tmp_path)  # fmt: skip
    open_terminal.append(terminal)
    assert terminal.end() == 0
    assert b"True True True 99 33" in terminal.output


_GIB = 1 << 30


def test_a_person_who_waits_for_checksums_sees_how_far_they_are_and_may_go_on_without(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    with (tmp_path / "big.h5").open("w") as stream:
        stream.truncate(45 * _GIB)  # nothing on the disk, and long to read
    terminal = Terminal(["yprov-run", "true", "big.h5"], tmp_path, "xterm")
    open_terminal.append(terminal)
    terminal.wait_for(rb"checksums: [\d,]+ files, \d+\.\d GB \(Ctrl-C goes on without\)", 60)
    terminal.type(b"\x03")
    assert terminal.end() == 0
    assert b"completed" in terminal.output
    assert b"1 read" in terminal.output
    files = json.loads((only_job(tmp_path) / "record/steps/0/files.json").read_text())["files"]
    (big,) = (file for file in files if file["path"] == "big.h5")
    assert (big["sha256"], big["size_bytes"]) == (None, 45 * _GIB)
    assert "no checksum" in big["note"]


def test_a_check_that_takes_long_shows_a_bar_that_ctrl_c_ends(
    tmp_path: Path, open_terminal: list[Terminal]
) -> None:
    with (tmp_path / "side.csv").open("w") as stream:
        stream.truncate(_GIB // 4)
    entity = {"prov:type": "x:File", "prov:location": "side.csv", "schema:sha256": "0" * 64}
    entities = {f"x:{number}": entity for number in range(400)}
    prefixes = {"x": "http://x/", "schema": "http://schema.org/"}
    (tmp_path / "prov.json").write_text(json.dumps({"prefix": prefixes, "entity": entities}))
    terminal = Terminal(["yprov-inspect", "check", "prov.json"], tmp_path, "xterm")
    open_terminal.append(terminal)
    terminal.wait_for(rb"checking the files beside it.*\d+%", 60)
    terminal.type(b"\x03")
    assert terminal.end() == 128 + signal.SIGINT
    assert b"Traceback" not in terminal.output

"""Work in a process of its own: whatever becomes of it, yprov-run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from yprov_run.launch.apart import run_apart


def test_work_that_is_done_has_nothing_to_say(tmp_path: Path) -> None:
    assert run_apart(lambda: (tmp_path / "done").touch(), 60) == ""
    assert (tmp_path / "done").exists()


def test_work_that_fails_or_dies_says_so() -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device")

    assert "No space left" in run_apart(fail, 60)
    assert run_apart(lambda: os.kill(os.getpid(), signal.SIGKILL), 60) == "it was killed"


def test_work_that_hangs_is_left_and_ended(tmp_path: Path) -> None:
    def hang() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        signal.sigwaitinfo([])

    assert run_apart(hang, 0.5) == "it took too long"
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


_INTERRUPTED = """
import os, signal, sys
from yprov_run.launch.apart import run_apart

ready, is_ready = os.pipe()

def interrupt():
    os.read(ready, 1)
    os.kill(os.getpid(), signal.SIGINT)

if sys.argv[1:] == ["at the fork"]:
    os.register_at_fork(after_in_parent=interrupt)

def work():
    reader, writer = os.pipe()
    signal.signal(signal.SIGINT, lambda number, frame: os.write(writer, b"x"))
    print("ready", flush=True)
    os.write(is_ready, b"x")
    os.read(reader, 1)
    print("ended early", flush=True)

print(repr(run_apart(work, 60)), flush=True)
"""


@pytest.mark.parametrize("everybody", [True, False])
def test_the_first_interrupt_is_the_works_own(everybody: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED], stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    if everybody:
        os.killpg(process.pid, signal.SIGINT)
    else:
        os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert output == "ended early\n''\n"


def test_an_interrupt_at_the_very_fork_is_the_works_as_well() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, "at the fork"], capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("ready\nended early\n''\n", "")

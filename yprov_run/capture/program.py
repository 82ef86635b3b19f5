"""Running a program that is not the user's, bounded in time and in what it may say."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from yprov_run.capture.parent import die_with_parent
from yprov_run.light import NamedTuple

_CHUNK_BYTES = 1 << 16
_STDERR_BYTES = 1 << 14


class ProgramError(Exception):
    """A program that could not be started, took too long, or said no; the text is for a person."""


class Said(NamedTuple):
    """What a program wrote to its stdout; `cut` if there was more than was asked for."""

    output: bytes
    cut: bool = False


def ask(
    argv: Sequence[str],
    timeout_s: float,
    limit_bytes: int,
    environ: Mapping[str, str],
    cwd: str | None = None,
) -> Said:
    """Run a program to its end and return what it said. Raises ProgramError.

    It gets no input and a process group of its own, and is killed with it when the time is spent
    or it has said more than `limit_bytes`.
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_begin,
        )
    except (OSError, ValueError) as error:
        raise ProgramError(getattr(error, "strerror", None) or str(error)) from error
    name = os.path.basename(argv[0])  # noqa: PTH119 - as it was given
    try:
        output, words, in_time = _listen(process, time.monotonic() + timeout_s, limit_bytes)
        if len(output) > limit_bytes:
            return Said(output[:limit_bytes], cut=True)
        if not in_time:
            raise ProgramError(f"{name} took longer than {timeout_s:g} s")
        status = process.wait(timeout=1)
        if status:
            first = words.decode("utf-8", "replace").strip().partition("\n")[0]
            raise ProgramError(first or f"{name} ended with exit status {status}")
        return Said(output)
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"{name} did not end") from error
    finally:
        _end(process)


def _begin() -> None:
    die_with_parent()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _listen(
    process: subprocess.Popen[bytes], give_up: float, limit_bytes: int
) -> tuple[bytes, bytes, bool]:
    """Return stdout, stderr, and whether both were closed in time."""
    assert process.stdout is not None  # noqa: S101 - for the type checker
    assert process.stderr is not None  # noqa: S101 - for the type checker
    heard = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    output, words = heard.values()
    with selectors.DefaultSelector() as selector:
        for fd in heard:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, give_up - time.monotonic()))
            if not ready:
                return bytes(output), bytes(words), False
            for key, _ in ready:
                part = os.read(key.fd, _CHUNK_BYTES)
                if not part:
                    selector.unregister(key.fd)
                heard[key.fd] += part
            del words[_STDERR_BYTES:]
            if len(output) > limit_bytes:
                break
    return bytes(output), bytes(words), True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of it behind; a process that the kernel holds is not waited for."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()

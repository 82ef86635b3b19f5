"""Stepping back: this process and its threads get what nobody else wants."""

from __future__ import annotations

import contextlib
import os

# The system call's number; where it is not known, only the processor's priority is lowered.
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "ppc64le": 273, "riscv64": 30, "s390x": 282}
_THIS_PROCESS = 1
_IDLE_CLASS = 3 << 13


def step_back() -> None:
    """Give this process the lowest priority for processor and disk; never raises."""
    yield_processor()
    number = _IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        with contextlib.suppress(ImportError):  # the installation may be gone by now
            import ctypes

            ctypes.CDLL(None).syscall(number, _THIS_PROCESS, 0, _IDLE_CLASS)


def yield_processor() -> None:
    """Give this process the lowest priority for the processor; nothing is loaded for it."""
    with contextlib.suppress(OSError):
        os.nice(19)

"""Agents of ours that should be gone: one that was stopped by a signal would stay for ever."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

from yprov_run.capture import identity

_FIRST_LINE = 1 << 16


def end_straggler(events: Path) -> None:
    """Kill the agent that writes this file, if it lives on this machine; elsewhere nothing is done.

    It is known by its process id, and by the path of its files on its command line: a process id
    alone may be somebody else's by now.
    """
    try:
        with events.open("rb") as stream:
            first = json.loads(stream.readline(_FIRST_LINE))
        pid = first["pid"]
        if first["boot_id"] != identity.boot_id() or type(pid) is not int or pid <= 1:
            return
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, KeyError, TypeError):
        return
    base = os.fsencode(events).removesuffix(b".events.jsonl")
    if base in words:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)

"""Agents of ours that should be gone: one that was stopped by a signal would stay for ever."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_AGENT = b"yprov_run.agent.main"


def end_stragglers(nodes_dir: Path, proc: Path = Path("/proc")) -> None:
    """Kill the agents that write into a step's folder, if they live on this machine.

    They are known by the path of their files, which stands on their command line; the files
    themselves may be gone. Agents on other machines are the launcher's to end.
    """
    folder = os.fsencode(nodes_dir) + b"/"
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            is_agent = any(_AGENT in word for word in words)
            if is_agent and any(word.startswith(folder) for word in words):
                os.kill(int(entry.name), signal.SIGKILL)

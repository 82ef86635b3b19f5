"""Agents of ours that should be gone: one that was stopped by a signal would stay for ever."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from yprov_run.jobdir import NodeFiles


def end_stragglers(nodes: Sequence[NodeFiles], proc: Path = Path("/proc")) -> None:
    """Kill the agents that write these files, if they live on this machine.

    They are known by the path of their files, which stands on their command line. Agents on other
    machines are the launcher's to end.
    """
    bases = {os.fsencode(node.events).removesuffix(b".events.jsonl") for node in nodes}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if not bases.isdisjoint(words) and int(entry.name) != os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)

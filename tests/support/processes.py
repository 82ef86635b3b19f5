"""Processes of ours on this machine."""

from __future__ import annotations

from pathlib import Path


def agents_below(folder: Path) -> list[int]:
    """Return the process ids of the node agents that write below a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            is_agent = any(b"yprov_run.agent.main" in word for word in words)
            if is_agent and any(word.startswith(bytes(folder) + b"/") for word in words):
                found.append(int(entry.name))
    return found

"""What an agent says of itself and its node: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yprov_run.measures import Json
from yprov_run.trace.opening import open_plain

NODE = "node"
COLUMNS = "columns"
TASK = "task"
UPDATES = "updates"
WORKER = "worker"
HARDWARE = "hardware"
PROGRAM = "program"
CONTAINER = "container"
TASK_END = "task_end"
GAP = "gap"
END = "end"

LAST_LOOK_S = 0.12  # for so long counters are watched after the last readings of a short job

_MAX_LINE = 4 << 20
_MAX_BYTES = 256 << 20


def line(event: str, **fields: object) -> str:
    """Return one event as a line, without its newline."""
    return json.dumps({"event": event, **fields}, separators=(",", ":"))


@dataclass
class EventReport:
    """What a reader met besides events."""

    damaged: int = 0
    torn: bool = False


def read_events(path: Path, report: EventReport) -> Iterator[Json]:
    """Yield the events of a file; anything else is counted. Raises OSError if unreadable."""
    with open_plain(path, _MAX_BYTES) as stream:
        while raw := stream.readline(_MAX_LINE):
            if not raw.endswith(b"\n"):
                report.torn = True
                continue
            try:
                event = json.loads(raw.decode())  # no other encoding needs to be looked for
            except (ValueError, RecursionError):
                report.damaged += 1
                continue
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                yield event
            else:
                report.damaged += 1


def has_end(path: Path) -> bool:
    """Tell from the end of the file whether the agent has said its last word."""
    tail = _tail(path)
    return tail.endswith(b"\n") and f'"event":"{END}"'.encode() in tail


def looks_on(path: Path) -> bool:
    """Tell whether an agent that has ended still looks for its counters' next update."""
    _, found, after = _tail(path).rpartition(f'"event":"{END}"'.encode())
    return (
        bool(found) and b'"looks_on":true' in after and f'"event":"{UPDATES}"'.encode() not in after
    )


def _tail(path: Path, tail_bytes: int = 1 << 16) -> bytes:
    try:
        with open_plain(path, _MAX_BYTES) as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - tail_bytes))
            return stream.read(tail_bytes)
    except OSError:
        return b""

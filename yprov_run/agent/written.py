"""What a node's agent writes: events at once, samples every second at the latest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from yprov_run.measures import Column, Json
from yprov_run.trace import events, samples
from yprov_run.trace.append import AppendFile
from yprov_run.trace.reduction import Reduction

FLUSH_S = 0.9  # a sample a second is on disk at once; faster ones wait for their second

Monotonic = Callable[[], float]
Row = tuple[int, list[int | None]]


@dataclass(frozen=True)
class Clock:
    """Time as the loop sees it: monotonic seconds, and UTC milliseconds since the epoch."""

    monotonic: Monotonic
    utc_ms: Callable[[], int]


class NodeTrace:
    """What this node writes: events at once, samples every few seconds."""

    def __init__(self, base: str, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self._events = AppendFile(Path(base + ".events.jsonl"))
        self._samples = AppendFile(Path(base + ".samples.csv"))
        self._flushed = self._start
        self.reduction: Reduction | None = None
        self.rows = 0
        self._counters: list[int] = []
        self._bases: dict[int, int] = {}

    def ms(self, monotonic_s: float) -> int:
        """Return a monotonic time as ms since the trace began."""
        return round((monotonic_s - self._start) * 1000)

    def event(self, event: str, **fields: object) -> None:
        """Write one event now."""
        now_ms = self.ms(self._clock.monotonic())
        self._events.add(events.line(event, time_ms=now_ms, **fields))
        self._events.flush()

    def begin(self, columns: Sequence[Column], interval_s: float) -> None:
        """Write the header: from now on there are samples."""
        self.reduction = Reduction(columns, interval_s)
        self._counters = [
            position for position, column in enumerate(columns) if column.quantity.kind == "counter"
        ]
        self._samples.add(samples.header(columns))
        self.flush()

    def add(self, row: Row) -> None:
        """Take one sample; counters count from their first one."""
        assert self.reduction is not None  # noqa: S101 - for the type checker
        time_ms, values = row
        for position in self._counters:
            value = values[position]
            if value is not None:
                values[position] = value - self._bases.setdefault(position, value)
        self._samples.add(samples.row(time_ms, values))
        self.reduction.add(time_ms, values)
        self.rows += 1

    def flush_if_due(self) -> None:
        """Write samples that have waited for long."""
        if self._clock.monotonic() - self._flushed >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write the samples that wait."""
        self._flushed = self._clock.monotonic()
        self._samples.flush()
        self._events.flush()

    def close(self) -> None:
        """Give up the files; what waits is lost."""
        self._samples.close()
        self._events.close()

    def summary(self) -> Json:
        """Return what the samples came to, and what is on disk."""
        return {
            "reduction": self.reduction.as_json() if self.reduction else None,
            "rows": self.rows,
            "lost_lines": self._samples.lost_lines,
            "write_error": self._samples.last_error or self._events.last_error,
            "size_bytes": self._samples.written_bytes,
            "sha256": self._samples.sha256(),
        }


def peak_rss_kib() -> int | None:
    """Return this process's highest resident memory; None where the kernel does not tell.

    What getrusage tells is that of whoever started it, if that was larger.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    _, found, rest = status.partition("VmHWM:")
    return int(rest.split(None, 1)[0]) if found else None

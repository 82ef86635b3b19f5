"""A node's files as far as they can be read: announcements, events, and what is damaged."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from yprov_run.jobdir import NodeFiles
from yprov_run.merge import fields
from yprov_run.merge.stats import Layout, layout_of
from yprov_run.model import Column, Device, Json, Task
from yprov_run.numerals import of_digits
from yprov_run.trace import events
from yprov_run.trace.opening import open_plain

_ANNOUNCEMENT = re.compile(r"task ([0-9]{1,10}|-) ([0-9]{1,10}|-) ([0-9]{1,10}) (.*)\Z")
_LAST_WORDS = 200
_MAX_DEVICES = 4096
_MAX_TASK_BYTES = 64 << 20
_MAX_UPDATE = 1_000_000  # ms, or 0.1 J


@dataclass
class NodeTrace:
    """What a node's tasks and agent said; `gaps` is what is missing, in words."""

    node: Json = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    devices: tuple[Device, ...] = ()
    tasks: dict[int, Task] = field(default_factory=dict)
    task_started_ms: list[int] = field(default_factory=list)
    updates_ms: dict[int, int] = field(default_factory=dict)
    grown_first_dj: dict[int, int] = field(default_factory=dict)
    grown_last_dj: dict[int, int] = field(default_factory=dict)
    looked_last: bool = False  # for the next updates after the last readings
    last_event_ms: int = 0
    end: Json = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    cut_ms: int | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its samples."""
        return self.layout.columns

    @property
    def interval_s(self) -> float:
        """Seconds between samples; 1 where the trace does not say."""
        interval_s = fields.number(self.node, "interval_s")
        return interval_s if interval_s is not None and 0 < interval_s < 1e6 else 1.0


def read_trace(files: NodeFiles) -> NodeTrace:
    """Read a node's announcements and events. Never raises for damage: that becomes gaps."""
    trace = NodeTrace()
    _read_tasks(files.tasks, trace)
    _read_events(files.events, trace)
    return trace


def _read_tasks(path: Path, trace: NodeTrace) -> None:
    try:
        with open_plain(path, _MAX_TASK_BYTES) as stream:
            # Its size, and not the most: that much memory would be taken for every node.
            size_bytes = os.fstat(stream.fileno()).st_size
            text = stream.read(size_bytes).decode("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        trace.gaps.append(f"its tasks are unreadable: {error.strerror}")
        return
    words = []
    for line in text.split("\n"):
        match = _ANNOUNCEMENT.match(line)
        if match:
            rank, local, pid, gpus = match.groups()
            trace.tasks[int(pid)] = Task(
                rank=None if rank == "-" else int(rank),
                local_rank=None if local == "-" else int(local),
                pid=int(pid),
                visible_gpus="" if gpus == "-" else gpus,
            )
        elif line.strip():
            words.append(line.strip())
    if words:
        # A traceback's last line says what went wrong.
        trace.gaps.append(f"its agent or a task said: {words[-1][:_LAST_WORDS]}")


def _read_events(path: Path, trace: NodeTrace) -> None:
    report = events.EventReport()
    try:
        for event in events.read_events(path, report):
            _take_event(event, trace)
    except FileNotFoundError:
        trace.gaps.append("no agent ran there")
        return
    except OSError as error:
        trace.gaps.append(f"its events are unreadable: {error.strerror}")
    if report.damaged:
        trace.gaps.append(f"{report.damaged} damaged lines in its events")
    elif not trace.node:
        trace.gaps.append("its agent could not write: its events are empty")


def _take_event(event: Json, trace: NodeTrace) -> None:
    time_ms = fields.integer(event, "time_ms") or 0
    kind = event["event"]
    if not trace.end:  # what is said after that is not of the job's time
        trace.last_event_ms = max(trace.last_event_ms, time_ms)
    if kind == events.NODE:
        trace.node = event
    elif kind == events.COLUMNS:
        trace.layout = layout_of(fields.sequence(event, "columns"))
        trace.devices = _devices(event)
    elif kind == events.UPDATES:
        _take_updates(event, trace)
    elif kind == events.TASK:
        _take_task(event, time_ms, trace)
    elif kind == events.WORKER:
        _take_worker(event, trace)
    elif kind == events.HARDWARE:
        trace.node["hardware"] = event
    elif kind == events.TASK_END:
        _take_task_end(event, trace)
    elif kind == events.GAP:
        trace.gaps.append(fields.text(event, "what")[:_LAST_WORDS])
    elif kind == events.END:
        trace.end = event


def _take_updates(event: Json, trace: NodeTrace) -> None:
    """Take how often counters update, and what the next update after the first, or last, showed."""
    at_end = fields.text(event, "at") == "end"
    trace.looked_last |= at_end
    grown = trace.grown_last_dj if at_end else trace.grown_first_dj
    for name, into in (("longest_ms", trace.updates_ms), ("grown_dj", grown)):
        for word, value in fields.mapping(event, name).items():
            index = of_digits(word)
            if index is not None and type(value) is int and 0 <= value < _MAX_UPDATE:
                into[index] = value


def _take_task(event: Json, time_ms: int, trace: NodeTrace) -> None:
    age_ms = fields.integer(event, "age_ms")
    if age_ms is not None:
        trace.task_started_ms.append(time_ms - age_ms)
    pid = fields.integer(event, "pid")
    if pid is not None and pid not in trace.tasks:
        trace.tasks[pid] = Task(
            rank=fields.integer(event, "rank"),
            local_rank=fields.integer(event, "local_rank"),
            pid=pid,
            visible_gpus=fields.text(event, "visible_gpus"),
        )


def _take_worker(event: Json, trace: NodeTrace) -> None:
    pid, task_pid = fields.integer(event, "pid"), fields.integer(event, "task_pid")
    if pid is not None and task_pid is not None and pid not in trace.tasks:
        trace.tasks[pid] = Task(
            rank=fields.integer(event, "rank"),
            local_rank=fields.integer(event, "local_rank"),
            pid=pid,
            worker_of=task_pid,
        )


def _take_task_end(event: Json, trace: NodeTrace) -> None:
    pid = fields.integer(event, "pid")
    if pid in trace.tasks:
        trace.tasks[pid] = trace.tasks[pid]._replace(
            ended=True,
            exit_status=fields.integer(event, "exit_status"),
            signal=fields.integer(event, "signal"),
        )


def _devices(event: Json) -> tuple[Device, ...]:
    devices = []
    for item in fields.sequence(event, "devices")[:_MAX_DEVICES]:
        if isinstance(item, dict) and fields.text(item, "uuid"):
            devices.append(
                Device(
                    index=fields.integer(item, "index") or 0,
                    uuid=fields.text(item, "uuid"),
                    name=fields.text(item, "name"),
                    pci_bus_id=fields.text(item, "pci_bus_id"),
                    driver_version=fields.text(item, "driver_version"),
                    kind=fields.text(item, "kind") or "gpu",
                    source=fields.text(item, "source") or "nvml",
                    parent=fields.text(item, "parent"),
                    power_limit_w=fields.number(item, "power_limit_w"),
                    power_window_s=fields.number(item, "power_window_s"),
                    note=fields.text(item, "note"),
                    firmware=fields.text(item, "firmware"),
                )
            )
    return tuple(devices)

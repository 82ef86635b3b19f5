"""Which step of a job wrote a record: as the record says itself, else as its time does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from yprov_run.merge import fields
from yprov_run.model import Job, Json, NodeExecution, Step, Task
from yprov_run.numerals import of_digits


class Process(NamedTuple):
    """A process as a document names its writer; `host` is empty where it names none."""

    host: str
    pid: int


def said(content: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield what the activities of a document say by an attribute."""
    for record in fields.mapping(content, "activity").values():
        if isinstance(record, Mapping):
            value = record.get(name)
            value = value.get("$") if isinstance(value, Mapping) else value
            if isinstance(value, (int, str)):
                yield str(value)


def process_of(content: Json) -> Process | None:
    """Return the process that a document says it was written by; None if it does not."""
    pid = next((n for n in map(of_digits, said(content, "yprov:PID")) if n), None)
    return None if pid is None else Process(_host(content), pid)


def tasks_of(step: Step, process: Process | None) -> list[tuple[NodeExecution, Task]]:
    """Return the tasks of a step that are a process, with their nodes."""
    if process is None:
        return []
    nodes = (node for node in step.nodes if is_host(process.host, node.name, node.hostname))
    return [(node, task) for node in nodes for task in node.tasks if task.pid == process.pid]


def is_host(host: str, *names: str) -> bool:
    """Tell whether a node with these names is the host; each may have its domain or not."""
    return not host or any(_short(host) == _short(name) for name in names)


def step_of(job: Job, content: Json, time_ms: int) -> int | None:
    """Return the number of the step that wrote a record at a time; None if it cannot be told."""
    process, host = process_of(content), _host(content)
    at_the_time = [step for step in job.steps if _is_running(step, time_ms)]
    by_process = [step for step in job.steps if tasks_of(step, process)]
    choices = (
        [step for step in by_process if step in at_the_time],
        by_process,
        at_the_time,
        [s for s in at_the_time if any(is_host(host, n.name, n.hostname) for n in s.nodes)],
    )
    for steps in choices:
        if len(steps) == 1:
            return steps[0].number
    return None if at_the_time else _last_begun(job, time_ms)


def _is_running(step: Step, time_ms: int) -> bool:
    if step.started_ms is None or time_ms < step.started_ms:
        return False
    return step.ended_ms is None or time_ms <= step.ended_ms


def _last_begun(job: Job, time_ms: int) -> int | None:
    """Return the number of the step that began last by a time; the first if none had."""
    began = [
        (step.started_ms, step.number)
        for step in job.steps
        if step.started_ms is not None and step.started_ms <= time_ms
    ]
    return max(began)[1] if began else (job.steps[0].number if job.steps else None)


def _host(content: Json) -> str:
    return next(said(content, "yprov:host_name"), "")


def _short(host: str) -> str:
    return host.partition(".")[0].lower()

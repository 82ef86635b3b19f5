"""From a job directory to the model: every step, every node, and what is missing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from yprov_run.errors import YprovError
from yprov_run.jobdir import SCHEMA_VERSION, JobDir, StepDir
from yprov_run.kinds.scheduler import Captured as SchedulerCaptured
from yprov_run.merge import clocks, ending, fields, gpus, node, side_by_side, worth
from yprov_run.merge.accounting import read_accounting
from yprov_run.merge.captured import find, read_captured
from yprov_run.merge.files import read_files
from yprov_run.merge.slim import Slimmer
from yprov_run.model import Gap, Job, Json, NodeExecution, Step
from yprov_run.numerals import of_digits
from yprov_run.schedulers.slurm import expand_hostlist

_NOT_CAPTURED = "code, software, environment and unnamed files are not captured, as asked"
# Any constant will do; job identifiers of all versions hang on it.
_LAUNCH = ("host", "boot_id", "pid", "start_ticks", "started_ms")
_NAMESPACE = uuid.UUID("5f0c9c3e-6f0f-5c62-9a57-3a1f0d7a3c11")


def read_job(directory: JobDir, progress: Callable[[float], None] = lambda _: None) -> Job:
    """Return the job recorded in a directory; damage becomes gaps. YprovError if it holds none.

    `progress` is called with the share of the steps' nodes that is read.
    """
    record, problem = fields.load(directory.job_file)
    step_dirs = list(directory.steps())
    if not record and not step_dirs:
        raise YprovError(f"{directory.path}: its record is empty: {directory.job_file} {problem}")
    gaps = [Gap("job", f"record/job.json is {problem}")] if problem else []
    if (fields.integer(record, "schema") or 0) > SCHEMA_VERSION:
        gaps.append(Gap("job", "written by a newer version: what is new in it is not read"))
    scheduler = fields.mapping(record, "scheduler")
    ends_s = fields.integer(scheduler, "ends_s")
    steps = []
    for number, step_dir in enumerate(step_dirs):

        def show(share: float, before: int = number) -> None:
            progress((before + share) / len(step_dirs))

        steps.append(_read_step(step_dir, directory, ends_s, gaps, show))
    gaps += _unseen_nodes(_variables(scheduler), steps)
    accounting = read_accounting(directory)
    user = fields.mapping(record, "user")
    return Job(
        name=fields.text(record, "name") or directory.name,
        number=fields.text(record, "number") or directory.number,
        uuid=_job_uuid(record, step_dirs, directory),
        directory=fields.text(record, "directory") or directory.path.name,
        cluster=fields.text(scheduler, "cluster"),
        scheduler=fields.text(scheduler, "scheduler") or "none",
        scheduler_facts=_variables(scheduler),
        user=fields.text(user, "name") or "unknown",
        account=fields.text(scheduler, "account"),
        host=fields.text(fields.mapping(record, "platform"), "host"),
        platform=fields.mapping(record, "platform"),
        yprov_run_version=fields.text(record, "version"),
        tags=_tags(record, steps),
        started_ms=min((s.started_ms for s in steps if s.started_ms is not None), default=None),
        ended_ms=_job_end(steps),
        ending=ending.with_accounting(steps, accounting),
        steps=tuple(steps),
        gaps=tuple(gaps),
        accounting=accounting,
    )


def _variables(scheduler: Json) -> Json:
    """Return the scheduler's variables; what is no text was never one."""
    found = fields.mapping(scheduler, "variables")
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _job_uuid(record: Json, step_dirs: Sequence[StepDir], directory: JobDir) -> str:
    """Mint the job's identifier from what makes it unique, the same in every merge.

    Where its own file is lost, that is its first launch.
    """
    key = [record.get(name) for name in ("identity", "number", "created_ms")]
    for step_dir in step_dirs:
        if any(key):
            break
        command, _ = fields.load(step_dir.command)
        key = [command.get(name) for name in _LAUNCH]
    if not any(key):
        key = [directory.path.name]
    return str(uuid.uuid5(_NAMESPACE, json.dumps(key, sort_keys=True)))


def _tags(record: Json, steps: Sequence[Step]) -> tuple[tuple[str, str], ...]:
    """Return the tags of the command line, and those of the batch script that it does not set."""
    captured = (find(step.captured, SchedulerCaptured) for step in steps)
    by_script = {key: value for found in captured if found for key, value in found.tags.items()}
    tags = {**by_script, **fields.mapping(record, "tags")}
    return tuple((key, value) for key, value in sorted(tags.items()) if isinstance(value, str))


def _job_end(steps: Sequence[Step]) -> int | None:
    if any(step.ending.state == ending.RUNNING for step in steps):
        return None
    return max((step.ended_ms for step in steps if step.ended_ms is not None), default=None)


def _read_step(
    step_dir: StepDir,
    directory: JobDir,
    ends_s: int | None,
    gaps: list[Gap],
    progress: Callable[[float], None],
) -> Step:
    where = f"step {step_dir.number}"
    command, problem = fields.load(step_dir.command)
    if problem:
        gaps.append(Gap(where, f"its step.json is {problem}"))
    if warning := fields.text(command, "warning"):
        gaps.append(Gap(where, warning))
    end, problem = fields.load(step_dir.end)
    if problem and problem != "missing":
        gaps.append(Gap(where, f"its end.json is {problem}"))
    end = _without_impossible_end(where, command, end, gaps)
    ended_ms = fields.integer(end, "ended_ms")
    nodes = _read_nodes(step_dir, where, directory, ended_ms, gaps, progress)
    nodes, problems_by_node = gpus.settle(nodes)
    gaps += [Gap(f"{where}, node {name}", problem) for name, problem in problems_by_node]
    if fields.text(command, "launcher") == "local":
        nodes = [_with_status(execution, end) for execution in nodes]
    nodes.sort(key=lambda n: (_natural(n.index), n.name, n.key))
    if cut := sum(execution.ended_with_step for execution in nodes):
        words = f"{cut} of {len(nodes)} agents were killed with the step"
        gaps.append(Gap(where, f"{words}: the time after their last sample is estimated"))
    nodes, clock_gaps = clocks.settle(where, command, end, nodes)
    gaps += clock_gaps
    merits, tariff, problems = worth.read_worth(step_dir)
    gaps += [Gap(where, problem) for problem in problems]
    expected_nodes, expected_tasks = _expect(where, command, nodes, gaps)
    limit_ms = None if ends_s is None else ends_s * 1000
    how = ending.step_ending(command, end, nodes, limit_ms)
    captures = command.get("capture") is not False
    if not captures:
        gaps.append(Gap(where, _NOT_CAPTURED))
    is_due = captures and how.state != ending.RUNNING
    files, collections = read_files(step_dir, where, gaps, is_due)
    seen_ms = [n.ended_ms for n in nodes]
    if how.state == ending.RUNNING:  # a last sample is no end, nor is an end missing
        seen_ms = []
        early = {Gap(f"{where}, node {execution.name}", node.END_UNSEEN) for execution in nodes}
        gaps[:] = [gap for gap in gaps if gap not in early]
    return Step(
        number=step_dir.number,
        argv=fields.texts(command, "argv"),
        launcher=fields.text(command, "launcher"),
        cwd=fields.text(command, "cwd"),
        host=fields.text(command, "host"),
        started_ms=_said_or_seen(
            fields.integer(command, "started_ms"), min, [n.started_ms for n in nodes]
        ),
        ended_ms=_said_or_seen(fields.integer(end, "ended_ms"), max, seen_ms),
        ending=how,
        nodes=tuple(nodes),
        files=files,
        collections=collections,
        expected_nodes=expected_nodes,
        expected_tasks=expected_tasks,
        scheduler_step_id=_step_id(nodes),
        captured=read_captured(step_dir, where, gaps, is_due),
        merits=merits,
        tariff=tariff,
        restart=max(0, fields.integer(command, "restart") or 0),
        options=fields.texts(command, "options"),
    )


def _without_impossible_end(where: str, command: Json, end: Json, gaps: list[Gap]) -> Json:
    """Return what is known of a step's end without a time that is before its start."""
    started, ended = fields.integer(command, "started_ms"), fields.integer(end, "ended_ms")
    if started is None or ended is None or ended >= started:
        return end
    words = "its end is before its start: a clock was set back, or a file is damaged"
    gaps.append(Gap(where, f"{words}; the nodes' last word stands for it"))
    return {name: value for name, value in end.items() if name != "ended_ms"}


def _read_nodes(
    step_dir: StepDir,
    where: str,
    directory: JobDir,
    ended_ms: int | None,
    gaps: list[Gap],
    progress: Callable[[float], None],
) -> list[NodeExecution]:
    """Read all nodes of a step, side by side where there are many."""

    def read(key: str) -> tuple[NodeExecution, list[str]]:
        execution, problems = node.read_node(step_dir.node(key), directory.path, ended_ms)
        return slim.slimmed(execution), problems

    slim = Slimmer()
    nodes: list[NodeExecution] = []
    keys = step_dir.node_keys()
    for execution, problems in side_by_side.each(keys, read):
        progress(len(nodes) / len(keys))
        nodes.append(slim.shared(execution))
        gaps += [Gap(f"{where}, node {execution.name}", problem) for problem in problems]
    return nodes


def _with_status(execution: NodeExecution, end: Json) -> NodeExecution:
    """Give a local command's only task the ending that its parent, yprov-run, saw."""
    status, number = fields.integer(end, "exit_status"), fields.integer(end, "signal")
    if len(execution.own_tasks) != 1 or (status is None and number is None):
        return execution
    task = execution.own_tasks[0]._replace(ended=True, exit_status=status, signal=number)
    workers = tuple(task for task in execution.tasks if task.worker_of is not None)
    return replace(execution, tasks=(task, *workers))


def _natural(index: int | None) -> int:
    return -1 if index is None else index


def _said_or_seen(
    said: int | None,
    choose: Callable[[list[int]], int],
    seen: Sequence[int | None],
) -> int | None:
    """Return what the launcher wrote, else the earliest or latest that a node saw."""
    if said is not None:
        return said
    known = [time_ms for time_ms in seen if time_ms is not None]
    return choose(known) if known else None


def _environment(execution: NodeExecution) -> Json:
    return fields.mapping(execution.facts, "environment")


def _step_id(nodes: Sequence[NodeExecution]) -> str:
    return next((fields.text(_environment(n), "SLURM_STEP_ID") for n in nodes), "")


def _expect(
    where: str, command: Json, nodes: Sequence[NodeExecution], gaps: list[Gap]
) -> tuple[int | None, int | None]:
    """Hold what was recorded against what the launcher promised; name what is missing."""
    if command.get("recorded_on_nodes") is True and not nodes:
        gaps.append(Gap(where, "no task announced itself: no node is recorded"))
    by_slurm = fields.text(command, "launcher") == "srun"
    environment = next((e for e in map(_environment, nodes) if e), {})
    expected_nodes = None
    if by_slurm:
        names = _hosts(fields.text(environment, "SLURM_STEP_NODELIST"))
        expected_nodes = len(names) or None
        seen = {execution.name for execution in nodes}
        gaps += [Gap(f"{where}, node {name}", "nothing recorded") for name in sorted(names - seen)]
    name = "SLURM_STEP_NUM_TASKS" if by_slurm else "OMPI_COMM_WORLD_SIZE"
    expected_tasks = of_digits(fields.text(environment, name))
    announced = sum(len(execution.own_tasks) for execution in nodes)
    if expected_tasks is not None and announced < expected_tasks:
        gaps.append(Gap(where, f"{announced} of {expected_tasks} tasks announced themselves"))
    return expected_nodes, expected_tasks


def _unseen_nodes(variables: Json, steps: Sequence[Step]) -> list[Gap]:
    """Name the nodes of a Slurm job on which none of its recorded steps was."""
    if not steps or any(step.ending.state == ending.RUNNING for step in steps):
        return []
    held = _hosts(fields.text(variables, "SLURM_JOB_NODELIST"))
    # Where a step's own list names more, what is missing of it is named there.
    unseen = held - {node.name for step in steps for node in step.nodes}
    if not unseen or unseen == held or any(step.launcher == "srun" for step in steps):
        return []
    some = ", ".join(sorted(unseen)[:3]) + (", ..." if len(unseen) > 3 else "")
    words = f"no task was recorded on {len(unseen)} of its {len(held)} nodes ({some})"
    return [Gap("job", f"{words}: only what yprov-run stands before is recorded")]


def _hosts(text: str) -> set[str]:
    try:
        return set(expand_hostlist(text))
    except ValueError:
        return set()

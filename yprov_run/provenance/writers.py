"""Who wrote a record of the job's own program: a task where it can be told, else a step."""

from __future__ import annotations

from yprov_run.merge.embedded.collect import Embedded
from yprov_run.merge.embedded.who import process_of, said, tasks_of
from yprov_run.model import Job, NodeExecution, Step, Task
from yprov_run.numerals import of_digits
from yprov_run.provenance.identifiers import JOB, node_id, step_id
from yprov_run.provenance.records import Attributes, Records, own
from yprov_run.provenance.vocabulary import term


def stem_of(one: Embedded) -> str:
    """Return the name of a record's copy without its folder and its ending."""
    return one.name.rpartition("/")[2].removesuffix(".json")


def rank_of(one: Embedded) -> int | None:
    """Return the rank that wrote a document: as it says, else as its name does (`_GR3_`)."""
    for rank in map(of_digits, said(one.content, "yprov:global_rank")):
        if rank is not None:
            return rank
    for part in stem_of(one).split("_"):
        found = of_digits(part[2:]) if part.startswith("GR") else None
        if found is not None:
            return found
    return None


def writer_of(records: Records, job: Job, one: Embedded) -> str:
    """Return the activity that wrote a document: a task where it can be told, else a step."""
    step = next((step for step in job.steps if step.number == one.step), None)
    if step is None:
        return JOB
    its_process = tasks_of(step, process_of(one.content))
    if len(its_process) == 1:
        return _add_task(records, step, *its_process[0])
    tasks = [(node, task) for node in step.nodes for task in node.tasks]
    own_tasks = [(node, task) for node, task in tasks if task.worker_of is None]
    rank = rank_of(one)
    if rank is None or len(own_tasks) == 1 == len(tasks):
        matching = own_tasks if len(own_tasks) == 1 else []
    else:
        # A launcher of workers (torchrun) has a rank too, but it is the worker that trains.
        workers = [pair for pair in tasks if pair[1].worker_of is not None]
        matching = [pair for pair in (workers or own_tasks) if pair[1].rank == rank]
    if len(matching) != 1:
        return step_id(step)
    return _add_task(records, step, *matching[0])


def _add_task(records: Records, step: Step, node: NodeExecution, task: Task) -> str:
    name = f"{task.rank}" if task.rank is not None else f"pid{task.pid}"
    part_of = node_id(step, node)
    identifier = f"task/{step.number}/{name}"
    attributes: Attributes = {
        "prov:type": term("Task"),
        "prov:label": f"rank {name}",
        "dcterms:isPartOf": part_of,
        **own(exitStatus=task.exit_status),
    }
    records.add("activity", identifier, attributes)
    records.relate(
        "wasInformedBy", identifier, part_of,
        {"prov:informed": identifier, "prov:informant": part_of},
    )  # fmt: skip
    return identifier

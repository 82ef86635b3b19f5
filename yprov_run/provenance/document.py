"""The document of a job: who ran what, when, where, with which devices and at what energy."""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from yprov_run.merge.detail import FULL, NODE, Detail, detail_of
from yprov_run.merge.embedded.collect import Embedded
from yprov_run.merge.ending import signal_name
from yprov_run.merge.totals import Totals, job_totals, totals
from yprov_run.model import Ending, Job, NodeExecution, SideFile, Step
from yprov_run.provenance import devices, files, worth
from yprov_run.provenance.captured import add_captured
from yprov_run.provenance.embedded import add_embedded
from yprov_run.provenance.hardware import add_hardware
from yprov_run.provenance.hostfigures import host_figures
from yprov_run.provenance.identifiers import COMMAND, JOB, node_id, step_id
from yprov_run.provenance.levels import brief_figures, own_at
from yprov_run.provenance.records import (
    Attributes,
    Records,
    clean,
    local_part,
    own,
    times,
    utc,
)
from yprov_run.provenance.vocabulary import NAMESPACES, term

_MAX_GAPS = 1_000


def build(
    job: Job,
    side_files: Iterable[SideFile],
    detail: Detail | None = None,
    found: Sequence[Embedded] = (),
    figures: Totals | None = None,
) -> dict[str, Any]:
    """Return a job as a PROV-JSON object: flat, without bundles, the same for the same record.

    `detail` says how much stands in it of nodes and GPUs; None: by their number. `found` are the
    records of the job's own program, which are folded in. `figures` are the job's totals, if known.
    """
    level = detail_of(job, detail)
    records = Records(
        {
            "default": f"urn:uuid:{job.uuid}#",
            "site": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, job.cluster or job.host)}#",
            **NAMESPACES,
        }
    )
    figures = figures or job_totals(job)
    _add_job(records, job, level, figures)
    if not job.steps:  # of every job, the family's programs look for what was run
        _add_command(records, COMMAND, "")
    _add_agents(records, job)
    for step in job.steps:
        one_step = len(job.steps) == 1
        _add_step(records, job, step, level, figures if one_step else totals(step.nodes))
    add_captured(records, job)
    for side_file in side_files:
        files.add_side_file(records, job, side_file)
    add_embedded(records, job, found)
    return records.as_json()


def dump(document: dict[str, Any]) -> bytes:
    """Return the bytes of a document: UTF-8 JSON, the same for the same document."""
    return b"".join(lines(document))


def lines(document: dict[str, Any]) -> Iterator[bytes]:
    """Yield a document's bytes, a record a line: for `grep` and `diff`, and never all in memory."""
    encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
    start = "{\n"
    for kind, records in document.items():
        yield f"{start}{encode(kind)}:{{".encode()
        start = "\n},\n"
        separator = "\n"
        for identifier, record in records.items():
            yield f"{separator}{encode(identifier)}:{encode(record)}".encode()
            separator = ",\n"
    yield b"\n}\n}\n"


def _ending(ending: Ending) -> Attributes:
    return own(
        state=ending.state,
        stateSource=ending.source,
        stateReason=ending.reason,
        exitStatus=ending.exit_status,
        signal=None if ending.signal is None else signal_name(ending.signal),
    )


def _figures(figures: Totals) -> Attributes:
    return own(
        nodeCount=figures.nodes,
        gpuCount=figures.gpus,
        taskCount=figures.tasks,
        workerCount=figures.workers or None,
        taskEndings=figures.task_endings or None,
        energy=figures.energy_j,
        energyEstimated=None if figures.energy_j is None else figures.energy_estimated_j,
        energySource=", ".join(figures.energy_sources),
        meanPower=figures.mean_power_w,
        maxPower=figures.max_power_w,
        meanUtilisation=figures.mean_utilisation,
        maxUtilisation=figures.max_utilisation,
        maxMemory=figures.max_gpu_memory_b,
        meanCpuUtilisation=figures.mean_cpu,
        maxNodeMemory=figures.max_node_memory_b,
        **devices.more_figures(figures),
    )


def _add_job(records: Records, job: Job, level: Detail, figures: Totals) -> None:
    system = {
        "yprov:operating_system": job.platform.get("system"),
        "yprov:release": job.platform.get("kernel"),
        "yprov:machine": job.platform.get("machine"),
        "yprov:host_name": job.host,
    }
    records.add(
        "activity",
        JOB,
        {
            "prov:type": term("Job"),
            "prov:label": clean(job.name),
            **times(job.started_ms, job.ended_ms),
            "schema:identifier": clean(job.number),
            "yprov:experiment_name": clean(job.name),
            "yprov:run_id": clean(job.number),
            **{name: clean(value) for name, value in system.items() if isinstance(value, str)},
            **_ending(job.ending),
            **own(
                scheduler=job.scheduler,
                schedulerVariables=job.scheduler_facts or None,
                detail=level,
                stepCount=len(job.steps),
                tags=dict(job.tags) or None,
                gapCount=len(job.gaps),
                gaps=[[gap.where, gap.what] for gap in job.gaps[:_MAX_GAPS]] or None,
            ),
            **_figures(figures),
            **worth.job_worth(job.steps, figures),
        },
    )


def _add_agents(records: Records, job: Job) -> None:
    user = records.add(
        "agent",
        f"site:user.{local_part(job.user)}",
        {"prov:type": "prov:Person", "prov:label": clean(job.user)},
    )
    plan = {"prov:plan": COMMAND} if job.steps else {}
    records.relate(
        "wasAssociatedWith", JOB, user, {"prov:activity": JOB, "prov:agent": user, **plan}
    )
    software = [("yprov-run", job.yprov_run_version)]
    if job.scheduler != "none":
        software.append((job.scheduler, ""))
    for name, version in software:
        agent = records.add(
            "agent",
            f"site:software.{local_part(f'{name}-{version}' if version else name)}",
            {
                "prov:type": "prov:SoftwareAgent",
                "prov:label": name,
                **({"schema:softwareVersion": clean(version)} if version else {}),
            },
        )
        records.relate("wasAssociatedWith", JOB, agent, {"prov:activity": JOB, "prov:agent": agent})
    if job.account:
        account = records.add(
            "agent",
            f"site:account.{local_part(job.account)}",
            {"prov:type": "prov:Organization", "prov:label": clean(job.account)},
        )
        records.relate(
            "actedOnBehalfOf",
            user,
            account,
            {"prov:delegate": user, "prov:responsible": account, "prov:activity": JOB},
        )


def _add_step(records: Records, job: Job, step: Step, level: Detail, figures: Totals) -> None:
    identifier = step_id(step)
    command_line = clean(" ".join(map(shlex.quote, step.argv)))
    records.add(
        "activity",
        identifier,
        {
            "prov:type": term("Step"),
            "prov:label": f"step {step.number}",
            **times(step.started_ms, step.ended_ms),
            "dcterms:isPartOf": JOB,
            **own(
                launcher=step.launcher,
                schedulerStepId=step.scheduler_step_id,
                workingDirectory=step.cwd,
                expectedNodeCount=step.expected_nodes,
                expectedTaskCount=step.expected_tasks,
                restartCount=step.restart or None,
            ),
            **_ending(step.ending),
            **_figures(figures),
            **worth.step_worth(step, figures),
        },
    )
    _inform(records, identifier, JOB)
    is_first = step is job.steps[0]
    name = COMMAND if is_first else f"command/{step.number}"
    words = own(argv=list(step.argv), options=list(step.options) or None)
    command = _add_command(records, name, command_line, **words)
    started = {"prov:activity": identifier, "prov:trigger": command}
    if step.started_ms is not None:
        started["prov:time"] = utc(step.started_ms)
    records.relate("wasStartedBy", identifier, command, started)
    for file in step.files:
        files.add_file(records, step, file)
    for collection in step.collections:
        files.add_collection(records, step, collection)
    add_hardware(records, step, level)
    for node in step.nodes:
        _add_node(records, step, node, level)


def _add_command(records: Records, identifier: str, line: str, **more: str) -> str:
    plan = {"prov:type": "prov:Plan", "prov:label": "command", "prov:value": line, **more}
    return records.add("entity", identifier, plan)


def _inform(records: Records, informed: str, informant: str) -> None:
    records.relate(
        "wasInformedBy", informed, informant,
        {"prov:informed": informed, "prov:informant": informant},
    )  # fmt: skip


def _add_node(records: Records, step: Step, node: NodeExecution, level: Detail) -> None:
    identifier = node_id(step, node)
    figures = _figures(totals([node])) if level == FULL else brief_figures(node)
    records.add(
        "activity",
        identifier,
        {
            "prov:type": term("NodeExecution"),
            "prov:label": clean(node.name),
            **times(node.started_ms, node.ended_ms),
            "dcterms:isPartOf": step_id(step),
            **own_at(level, devices.node_figures(node)),
            **(host_figures(node) if level == FULL else {}),
            **figures,
        },
    )
    _inform(records, identifier, step_id(step))
    devices.add_host(records, identifier, node)
    if level != NODE:
        for use in node.devices:
            devices.add_device(records, identifier, use, level)
        for zone in node.zones:
            devices.add_zone(records, identifier, node, zone, level)
    if level == FULL:
        files.add_samples(records, identifier, step, node)

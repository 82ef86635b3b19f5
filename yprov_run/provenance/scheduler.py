"""What the scheduler says of the job: its batch script, its facts, its dependencies, its array."""

from __future__ import annotations

import re

from yprov_run.kinds.scheduler import BatchScript, Captured
from yprov_run.model import Job, Step
from yprov_run.provenance.identifiers import JOB
from yprov_run.provenance.records import Records, clean, compact, local_part, own
from yprov_run.provenance.vocabulary import term

_DEPENDENCY = re.compile(r"(?P<kind>[a-z]+):(?P<jobs>\d+(?:_\d+|_\*)?(?:\+\d+)?(?:\([a-z]+\))?"
                         r"(?::\d+(?:_\d+|_\*)?(?:\+\d+)?)*)")  # fmt: skip


def add(records: Records, job: Job, step: Step, captured: Captured) -> None:
    """Add what was captured of the scheduler; steps that point at another's add nothing."""
    del step
    if captured.same_as is not None:
        return
    facts = captured.facts
    if facts:
        records.extend(
            "activity",
            JOB,
            own(
                schedulerFacts=facts,
                schedulerFactsSource=captured.source,
                account=facts.get("Account") or job.account,
                partition=facts.get("Partition"),
                qos=facts.get("QOS"),
                reservation=_said(facts.get("Reservation")),
                restartCount=_number(facts.get("Restarts")),
                dependency=captured.dependency,
            ),
        )
    for kind, number in _dependencies(captured.dependency):
        other = _other_job(records, number)
        _inform(records, other, {"prov:role": "dependency", **own(dependencyType=kind)})
    array = facts.get("ArrayJobId", "")
    if array.isdigit():
        other = _other_job(records, array)
        index = own(arrayTaskId=facts.get("ArrayTaskId"))
        _inform(records, other, {"prov:role": "array", **index})
    if captured.script is not None and captured.script.sha256:
        _add_script(records, job, captured.script)


def _said(text: str | None) -> str | None:
    return None if text in {None, "", "(null)", "N/A"} else text


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else None


def _dependencies(text: str) -> list[tuple[str, str]]:
    """Return the jobs of `afterok:1:2,afterany:3_4(unfulfilled)`, each with the kind."""
    found = []
    for match in _DEPENDENCY.finditer(text[:10_000]):
        for number in re.findall(r"(?:^|:)(\d+(?:_\d+)?)", match["jobs"]):
            found.append((match["kind"], number))
    return found


def _other_job(records: Records, number: str) -> str:
    return records.add(
        "activity",
        f"site:job.{local_part(number)}",
        {"prov:type": term("SchedulerJob"), "prov:label": f"job {number}",
         "schema:identifier": number},
    )  # fmt: skip


def _inform(records: Records, other: str, attributes: dict[str, object]) -> None:
    records.relate(
        "wasInformedBy", JOB, other,
        {"prov:informed": JOB, "prov:informant": other, **attributes},
    )  # fmt: skip


def _add_script(records: Records, job: Job, script: BatchScript) -> None:
    """Add the batch script as the plan by which the scheduler ran the job."""
    entity = records.add(
        "entity",
        f"batch_script/{script.sha256[:8]}",
        {
            "prov:type": "prov:Plan",
            "prov:label": "batch script",
            "prov:value": clean(script.text),
            "schema:sha256": script.sha256,
            **own(
                source=script.source,
                directives=list(script.directives) or None,
                note="" if script.cut_at is None else f"cut at {script.cut_at} characters",
            ),
        },
    )
    agent = f"site:software.{local_part(job.scheduler)}"
    name = f"wasAssociatedWith/{JOB}/{agent.replace(':', '.')}"
    records.extend("wasAssociatedWith", name, {"prov:plan": entity})
    records.use(JOB, entity, "batch script")


def add_accounting(records: Records, job: Job) -> None:
    """Add what accounting says of the job and its steps, if it was ever asked."""
    if job.accounting is None or not job.accounting.starts:
        return
    last = job.accounting.starts[-1]
    records.extend(
        "activity",
        JOB,
        own(
            accountingState=last.get("State"),
            accountingSource=job.accounting.source,
            accountingFinal=str(job.accounting.final).lower(),
            submitLine=last.get("SubmitLine"),
            allocatedTres=last.get("AllocTRES"),
            requestedTres=last.get("ReqTRES"),
            reservation=last.get("Reservation"),
            accountingStarts=compact([start.fields for start in job.accounting.starts]),
            accountingSteps=compact([{**s.fields, "id": s.id} for s in job.accounting.steps]),
        ),
    )

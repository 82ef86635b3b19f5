"""What the scheduler says of the job: its batch script, its facts, its dependencies, its array."""

from __future__ import annotations

import re

from yprov_run.kinds.scheduler import BatchScript, Captured
from yprov_run.model import Job, Step
from yprov_run.numerals import of_digits
from yprov_run.provenance.identifiers import JOB
from yprov_run.provenance.records import Records, clean, compact, local_part, own
from yprov_run.provenance.vocabulary import term

_DEPENDENCY = re.compile(r"(?P<kind>[a-z]+):(?P<jobs>\d+(?:_\d+|_\*)?(?:\+\d+)?(?:\([a-z]+\))?"
                         r"(?::\d+(?:_\d+|_\*)?(?:\+\d+)?)*)")  # fmt: skip

_SERVER = re.compile(r"(?<=\d)(?:\[\d*\])?\.[\w.-]+(?:@[\w.-]+)?")
_LSF_DEPENDENCY = re.compile(
    r"\b(?P<kind>done|ended|exit|started|post_done|post_err)\(\s*(?P<job>\d+)"
)
# Each scheduler's own names for what all of them have.
_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "slurm": {"account": ("Account",), "partition": ("Partition",), "qos": ("QOS",),
              "reservation": ("Reservation",), "restarts": ("Restarts",)},
    "pbs": {"account": ("Account_Name", "project"), "partition": ("queue",),
            "reservation": ("reserve_ID",), "restarts": ("run_count",)},
    "lsf": {"account": ("PROJ_NAME",), "partition": ("QUEUE",), "reservation": ("RSVID",)},
    "flux": {"account": ("bank", "project"), "partition": ("queue",)},
}  # fmt: skip


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
                account=_fact(captured, "account") or job.account,
                partition=_fact(captured, "partition"),
                qos=_fact(captured, "qos"),
                reservation=_fact(captured, "reservation"),
                restartCount=_restarts(captured),
                dependency=captured.dependency,
            ),
        )
    for kind, number in _dependencies(captured.dependency):
        other = _other_job(records, number)
        _inform(records, other, {"prov:role": "dependency", **own(dependencyType=kind)})
    array = facts.get("ArrayJobId", "")
    if of_digits(array) is not None:
        other = _other_job(records, array)
        index = own(arrayTaskId=facts.get("ArrayTaskId"))
        _inform(records, other, {"prov:role": "array", **index})
    if captured.script is not None and captured.script.sha256:
        _add_script(records, job, captured.script)


def _fact(captured: Captured, name: str) -> str | None:
    """Return what a scheduler says of something, by its own name for that."""
    names = _NAMES.get(captured.scheduler, {}).get(name, ())
    found = (captured.facts.get(one) for one in names)
    return next((text for text in found if text not in {None, "", "(null)", "N/A"}), None)


def _restarts(captured: Captured) -> int | None:
    """Return how often a job was started anew; PBS counts how often it was started."""
    count = of_digits(_fact(captured, "restarts") or "", 8)
    return max(0, count - 1) if count is not None and captured.scheduler == "pbs" else count


def _dependencies(text: str) -> list[tuple[str, str]]:
    """Return the jobs of `afterok:1:2,afterany:3_4(unfulfilled)`, each with the kind.

    PBS has servers behind the jobs; LSF says `done(1) && ended(2)`.
    """
    found = [(match["kind"], match["job"]) for match in _LSF_DEPENDENCY.finditer(text[:10_000])]
    for match in _DEPENDENCY.finditer(_SERVER.sub("", text[:10_000])):
        # `before` is what others wait for, `on` a number of such.
        if match["kind"].startswith(("before", "on")):
            continue
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
            accountingMembers=compact([member.fields for member in job.accounting.members])
            if job.accounting.members
            else None,
            accountingSteps=compact([{**s.fields, "id": s.id} for s in job.accounting.steps]),
        ),
    )

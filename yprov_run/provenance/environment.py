"""The environment that a command was launched in: one entity for all steps that had the same."""

from __future__ import annotations

from yprov_run.kinds.environment import Captured
from yprov_run.model import Job, Step
from yprov_run.provenance.identifiers import step_id
from yprov_run.provenance.records import Records, compact, digest, own
from yprov_run.provenance.vocabulary import term


def add(records: Records, job: Job, step: Step, captured: Captured) -> None:
    """Add a step's environment as what the step used."""
    del job
    entity = records.add(
        "entity",
        f"environment/{digest(captured.variables)}",
        {
            "prov:type": term("Environment"),
            "prov:label": "environment variables",
            "prov:value": compact(captured.variables),
            **own(leftOutCount=captured.left_out, cutVariables=list(captured.cut) or None),
        },
    )
    records.use(step_id(step), entity, "environment")

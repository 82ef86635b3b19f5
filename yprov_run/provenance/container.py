"""The containers that a step ran in."""

from __future__ import annotations

from yprov_run.kinds.container import Captured
from yprov_run.merge.attachments import definition_of
from yprov_run.model import Job, Step
from yprov_run.provenance.attachments import add_attachment
from yprov_run.provenance.identifiers import step_id
from yprov_run.provenance.records import Records, clean, digest, own
from yprov_run.provenance.vocabulary import term


def add(records: Records, job: Job, step: Step, captured: Captured) -> None:
    """Add a step's container images as what the step used."""
    del job
    for container in captured.containers:
        entity = records.add(
            "entity",
            f"container/{digest([container.engine, container.reference, container.digest])}",
            {
                "prov:type": term("ContainerImage"),
                "prov:label": clean(container.reference).rpartition("/")[2] or "image",
                **({"prov:location": clean(container.path)} if container.path else {}),
                **own(
                    containerEngine=container.engine,
                    imageReference=container.reference,
                    imageDigest=container.digest,
                    origin=container.source,
                ),
            },
        )
        definition = definition_of(container)
        if definition is not None:
            add_attachment(records, definition, entity)
        records.use(step_id(step), entity, "container image")

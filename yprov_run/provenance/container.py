"""The containers that a step ran in."""

from __future__ import annotations

from pathlib import PurePosixPath

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
        told = {
            "prov:type": term("ContainerImage"),
            "prov:label": clean(container.reference).rpartition("/")[2] or "image",
            **({"prov:location": clean(container.path)} if container.path else {}),
            **own(
                containerEngine=container.engine,
                imageReference=container.reference,
                imageDigest=container.digest,
                imageId=container.image_id,
                imageLabels=container.labels or None,
                operatingSystem=container.system,
                origin=container.source,
            ),
        }
        if checksum := _checksum(step, container.path):
            told["schema:sha256"] = checksum
        key = [container.engine, container.reference, container.digest]
        entity = records.add("entity", f"container/{digest(key)}", dict(told))
        records.extend("entity", entity, told)
        definition = definition_of(container)
        if definition is not None:
            add_attachment(records, definition, entity)
        records.use(step_id(step), entity, "container image")


def _checksum(step: Step, path: str) -> str | None:
    """Return the checksum of an image that is a file, from the files that were looked at."""
    if not path:
        return None
    here = PurePosixPath(step.cwd)
    found = (file.sha256 for file in step.files if here / file.path == PurePosixPath(path))
    return next(found, None)

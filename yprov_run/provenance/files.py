"""Files: what the job read and wrote, and the tables beside the document."""

from __future__ import annotations

import hashlib

from yprov_run.model import FileRef, Job, NodeExecution, SideFile, Step
from yprov_run.provenance.identifiers import JOB, node_id, step_id
from yprov_run.provenance.records import (
    Attributes,
    Records,
    clean,
    compact,
    local_part,
    own,
    utc,
)
from yprov_run.provenance.vocabulary import term

_TABLES = {"tasks": "TaskTable", "devices": "DeviceTable", "samples": "SampleTable"}


def add_samples(records: Records, activity: str, step: Step, node: NodeExecution) -> None:
    """Add a node's samples, if there are any."""
    if node.samples is None:
        return
    entity = records.add(
        "entity",
        f"samples/{step.number}/{local_part(node.key)}",
        {
            "prov:type": term("SampleFile"),
            "prov:label": f"samples of {clean(node.name)}",
            "prov:location": node.samples.path,
            "schema:encodingFormat": "text/csv",
            "schema:sha256": node.samples.sha256,
            "schema:contentSize": str(node.samples.size_bytes),
            **own(
                rowCount=node.samples.rows,
            ),
            "dcterms:conformsTo": _columns_of(
                records, {column.name: column.quantity.stored_unit for column in node.columns}
            ),
        },
    )
    _generate(records, entity, activity)


def _columns_of(records: Records, columns: dict[str, str]) -> str:
    """Add the column schema of a table, once for all tables that have the same."""
    text = compact(columns)
    return records.add(
        "entity",
        f"columns/{hashlib.sha256(text.encode()).hexdigest()[:12]}",
        {"prov:type": term("ColumnSchema"), "prov:label": "columns", **own(columns=columns)},
    )


def _generate(records: Records, entity: str, activity: str) -> None:
    records.relate(
        "wasGeneratedBy", entity, activity, {"prov:entity": entity, "prov:activity": activity}
    )


def add_file(records: Records, step: Step, file: FileRef) -> None:
    """Add a file that a step used or generated."""
    version = file.sha256 or f"{file.size_bytes}-{file.modified_ms}"
    name = clean(file.path).rpartition("/")[2]
    entity = records.add(
        "entity",
        f"file/{local_part(name)[:60]}.{local_part(compact([file.path, version]))[-8:]}",
        {
            "prov:type": term("File"),
            "prov:label": name,
            "prov:location": clean(file.path),
            "prov:role": file.role,
            "dcterms:identifier": clean(file.path),
            **({"schema:sha256": file.sha256} if file.sha256 else {}),
            **(
                {
                    "schema:contentSize": str(file.size_bytes),
                    "yprov:file_size": str(file.size_bytes),
                }
                if file.size_bytes is not None
                else {}
            ),
            **({"dcterms:modified": utc(file.modified_ms)} if file.modified_ms is not None else {}),
            **own(note=file.note),
        },
    )
    activity = step_id(step)
    if file.role == "output":
        _generate(records, entity, activity)
    else:
        records.relate(
            "used", activity, entity,
            {"prov:activity": activity, "prov:entity": entity, "prov:role": file.role},
        )  # fmt: skip


def add_side_file(records: Records, job: Job, file: SideFile) -> None:
    """Add a table that the merge wrote: a metric of a node execution, or the job's tasks."""
    common: Attributes = {
        "prov:label": file.name,
        "prov:location": file.path,
        "prov:role": "output",
        "dcterms:identifier": f"{clean(job.directory)}/{file.path}",
        "schema:encodingFormat": "text/csv",
        "schema:sha256": file.sha256,
        "schema:contentSize": str(file.size_bytes),
        "yprov:file_size": str(file.size_bytes),
        **own(rowCount=file.rows),
    }
    if file.step is None:
        entity = records.add(
            "entity",
            f"table/{file.name}",
            {
                "prov:type": term(_TABLES[file.name]),
                **common,
                "dcterms:conformsTo": _columns_of(records, dict(file.columns)),
            },
        )
        _generate(records, entity, JOB)
        return
    entity = records.add(
        "entity",
        f"metric/{file.context}/{file.source}/{file.name}",
        {
            "prov:type": "provml:Metric",
            "yprov:context": file.context,
            "yprov:source": file.source,
            **common,
            **own(unit=file.unit),
        },
    )
    step = next(step for step in job.steps if step.number == file.step)
    node = next(node for node in step.nodes if node.key == file.node_key)
    _generate(records, entity, node_id(step, node))

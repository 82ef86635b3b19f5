"""Files: what the job read and wrote, and the tables beside the document."""

from __future__ import annotations

import hashlib
import posixpath

from yprov_run.kinds.files import STDIN, FileCollection, FileRef, FileVersion
from yprov_run.model import (
    Column,
    Job,
    NodeExecution,
    SampleFile,
    SideFile,
    Step,
)
from yprov_run.provenance.identifiers import JOB, node_id, step_id
from yprov_run.provenance.records import (
    Attributes,
    Records,
    clean,
    compact,
    local_part,
    own,
    relation_id,
    utc,
)
from yprov_run.provenance.vocabulary import term
from yprov_run.trace.samples import TIME

_TABLES = {
    "tasks": "TaskTable", "devices": "DeviceTable", "nodes": "NodeTable", "zones": "ZoneTable",
    "samples": "SampleTable",
}  # fmt: skip


def add_samples(records: Records, activity: str, step: Step, node: NodeExecution) -> None:
    """Add a node's samples, if there are any, and those of other agents there."""
    if node.samples is not None:
        _add_samples(records, activity, step, node, (node.key, node.samples, node.columns))
    for other in node.others:
        _add_samples(records, activity, step, node, (other.key, other.samples, other.columns))


def _add_samples(
    records: Records,
    activity: str,
    step: Step,
    node: NodeExecution,
    written: tuple[str, SampleFile, tuple[Column, ...]],
) -> None:
    key, samples, columns = written
    entity = records.add(
        "entity",
        f"samples/{step.number}/{local_part(key)}",
        {
            "prov:type": term("SampleFile"),
            "prov:label": f"samples of {clean(node.name)}",
            "prov:location": samples.path,
            "schema:encodingFormat": "text/csv",
            "schema:sha256": samples.sha256,
            "schema:contentSize": str(samples.size_bytes),
            **own(rowCount=samples.rows),
            "dcterms:conformsTo": _columns_of(
                records,
                {TIME: "ms", **{column.name: column.quantity.stored_unit for column in columns}},
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


def add_file(records: Records, step: Step, file: FileRef) -> str:
    """Add a file that a step used or generated, and return its identifier."""
    known = records.versions.get(_key(file.path, file))
    if known and not (file.sha256 or file.generated):
        # What an earlier step made of it, with a checksum perhaps: one that is gone now has none.
        _take_part(records, step, known, file)
        return known
    version = file.sha256 or f"{file.size_bytes}-{file.modified_ms}-{file.inode}"
    entity = records.add(
        "entity",
        _own_id(records, step, file, _file_id(file.path, version)),
        {
            "prov:type": term("File"),
            "prov:label": _name(file.path),
            "prov:location": clean(file.path),
            "prov:role": file.role,
            "dcterms:identifier": clean(file.path),
            **({"schema:sha256": file.sha256} if file.sha256 else {}),
            **_size(file.size_bytes),
            **({"dcterms:modified": utc(file.modified_ms)} if file.modified_ms is not None else {}),
            **own(
                origin=file.origin,
                inode=None if file.sha256 else file.inode,
                note=file.note,
            ),
        },
    )
    _take_part(records, step, entity, file)
    if file.before is not None:
        _derive(records, step, entity, file.path, file.before)
    _remember(records, entity, file)
    return entity


def _remember(records: Records, entity: str, file: FileRef) -> None:
    key = _key(file.path, file)
    if file.generated or key not in records.versions:  # whoever made a version knows more of it
        records.versions[key] = entity


def _key(path: str, version: FileRef | FileVersion) -> tuple[object, ...]:
    path = posixpath.normpath(path)
    return path, version.size_bytes, version.modified_ms, version.inode


def _own_id(records: Records, step: Step, file: FileRef, identifier: str) -> str:
    """Return a file's identifier; one of its own where another step had the same content before.

    An entity is generated once, and not after it was used: what a step wrote is another one then.
    """
    mine = relation_id("wasGeneratedBy", identifier, step_id(step))
    if not file.generated or not records.has("entity", identifier):
        return identifier
    return identifier if records.has("wasGeneratedBy", mine) else f"{identifier}.{step.number}"


def _file_id(path: str, version: str) -> str:
    return f"file/{local_part(_name(path))[:60]}.{local_part(compact([path, version]))[-8:]}"


def _name(path: str) -> str:
    return clean(path).rstrip("/").rpartition("/")[2] or clean(path)


def _size(size_bytes: int | None) -> Attributes:
    if size_bytes is None:
        return {}
    return {"schema:contentSize": str(size_bytes), "yprov:file_size": str(size_bytes)}


def _take_part(records: Records, step: Step, entity: str, thing: FileRef | FileCollection) -> None:
    """Say what the step did with a file or collection: used it, or generated it."""
    activity = step_id(step)
    if thing.generated:
        _generate(records, entity, activity)
        return
    records.relate(
        "used", activity, entity,
        {"prov:activity": activity, "prov:entity": entity, "prov:role": thing.role,
         # Of this use: for another step the same file may be an argument.
         **own(origin=STDIN if thing.origin == STDIN else None)},
    )  # fmt: skip


def _derive(records: Records, step: Step, entity: str, path: str, before: FileVersion) -> None:
    """Relate the version that is there to the one that was, from which the step made it."""
    old = records.versions.get(_key(path, before))
    if old is None or old == entity:
        old = _add_version(records, path, before)
    activity = step_id(step)
    records.relate(
        "wasDerivedFrom", entity, old,
        {"prov:generatedEntity": entity, "prov:usedEntity": old, "prov:activity": activity},
    )  # fmt: skip


def _add_version(records: Records, path: str, before: FileVersion) -> str:
    """Add a version of a file of which no step of the job has told."""
    version = f"{before.size_bytes}-{before.modified_ms}-{before.inode}"
    return records.add(
        "entity",
        _file_id(path, version),
        {
            "prov:type": term("File"),
            "prov:label": _name(path),
            "prov:location": clean(path),
            "dcterms:identifier": clean(path),
            **_size(before.size_bytes),
            "dcterms:modified": utc(before.modified_ms),
            **own(inode=before.inode, note="as it was before the step changed it"),
        },
    )


def add_collection(records: Records, step: Step, collection: FileCollection) -> None:
    """Add the files of a folder as one entity, with its members where they are few."""
    entity = records.add(
        "entity",
        f"collection/{step.number}/"
        + local_part(compact([collection.path, collection.generated]))[-8:],
        {
            "prov:type": "prov:Collection",
            "prov:label": _name(collection.path),
            "prov:location": clean(collection.path),
            "prov:role": collection.role,
            "dcterms:identifier": clean(collection.path),
            "schema:contentSize": str(collection.size_bytes),
            **own(
                origin=collection.origin,
                memberCount=collection.count,
                collectionSha256=collection.sha256,
                unhashedCount=collection.unhashed_count,
                manifest=collection.manifest,
                note=collection.note,
            ),
        },
    )
    _take_part(records, step, entity, collection)
    for member in collection.members:
        file = add_file(records, step, member)
        records.relate("hadMember", entity, file, {"prov:collection": entity, "prov:entity": file})


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

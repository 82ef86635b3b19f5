"""The software that a step ran with: its Python, packages, compiled programs and libraries."""

from __future__ import annotations

from yprov_run.kinds import binaries as binaries_kind
from yprov_run.kinds import software as software_kind
from yprov_run.merge.attachments import libraries_of, packages_of
from yprov_run.model import Job, Step
from yprov_run.provenance.attachments import add_attachment
from yprov_run.provenance.identifiers import step_id
from yprov_run.provenance.records import Records, clean, digest, own
from yprov_run.provenance.vocabulary import term


def add(records: Records, job: Job, step: Step, captured: software_kind.Captured) -> None:
    """Add the Python of a step's program, with its packages in a table beside the document."""
    del job
    for file in captured.nearby:
        entity = records.add(
            "entity",
            f"requirements/{digest([file.path, file.sha256])}",
            {
                "prov:type": term("Requirements"),
                "prov:label": clean(file.path).rpartition("/")[2],
                "prov:location": clean(file.path),
                "schema:sha256": file.sha256,
                "schema:contentSize": str(file.size_bytes),
            },
        )
        records.use(step_id(step), entity, "requirements")
    python = captured.python
    if python is None:
        return
    packages = packages_of(captured)
    entity = records.add(
        "entity",
        f"python/{digest([python.path, python.version, packages.sha256])}",
        {
            "prov:type": term("PythonEnvironment"),
            "prov:label": f"Python {clean(python.version)}".strip(),
            "prov:location": clean(python.path),
            **({"schema:softwareVersion": clean(python.version)} if python.version else {}),
            **own(
                realPath=python.real_path,
                environmentKind=python.kind,
                prefix=python.prefix,
                basePrefix=python.base if python.base != python.prefix else None,
                packageCount=packages.rows,
                editablePackages=[
                    [one.name, one.origin] for one in captured.distributions if one.editable
                ]
                or None,
            ),
        },
    )
    add_attachment(records, packages, entity)
    records.use(step_id(step), entity, "interpreter")


def add_binaries(records: Records, job: Job, step: Step, captured: binaries_kind.Captured) -> None:
    """Add the compiled programs of a step, with their libraries in a table beside the document."""
    del job
    libraries = libraries_of(captured)
    for program in captured.programs:
        entity = records.add(
            "entity",
            f"program/{digest([program.path, program.sha256, program.build_id])}",
            {
                "prov:type": term("Program"),
                "prov:label": clean(program.path).rpartition("/")[2],
                "prov:location": clean(program.path),
                **({"schema:sha256": program.sha256} if program.sha256 else {}),
                **(
                    {"schema:contentSize": str(program.size_bytes)}
                    if program.size_bytes is not None
                    else {}
                ),
                **own(
                    buildId=program.build_id,
                    elfInterpreter=program.interpreter,
                    note=program.note,
                ),
            },
        )
        records.use(step_id(step), entity, "program")
    if libraries is None:
        return
    entity = records.add(
        "entity",
        f"libraries/{digest(libraries.sha256)}",
        {
            "prov:type": term("Libraries"),
            "prov:label": "loaded libraries",
            **own(
                libraryCount=libraries.rows,
                components={one.name: one.version for one in captured.components} or None,
            ),
        },
    )
    add_attachment(records, libraries, entity)
    records.use(step_id(step), entity, "libraries")

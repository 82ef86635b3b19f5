"""Modules, Spack environments and EasyBuild packages, as software that a step used."""

from __future__ import annotations

from yprov_run.kinds.modules import Captured
from yprov_run.model import Job, Step
from yprov_run.provenance.identifiers import step_id
from yprov_run.provenance.records import Attributes, Records, clean, digest, own
from yprov_run.provenance.vocabulary import term


def add(records: Records, job: Job, step: Step, captured: Captured) -> None:
    """Add what was loaded; a module of the same file content is one entity for all steps."""
    del job
    for place, module in enumerate(captured.modules):
        attributes: Attributes = {
            "prov:type": term("Module"),
            "prov:label": clean(f"{module.name}/{module.version}".rstrip("/")),
            "schema:name": clean(module.name),
            **own(moduleSystem=f"{captured.system} {captured.system_version}".strip()),
        }
        if module.version:
            attributes["schema:softwareVersion"] = clean(module.version)
        if module.file:
            attributes["prov:location"] = clean(module.file)
        if module.sha256:
            attributes["schema:sha256"] = module.sha256
        key = [module.name, module.version, module.file, module.sha256]
        entity = records.add("entity", f"module/{digest(key)}", attributes)
        records.relate(
            "used", step_id(step), entity,
            {"prov:activity": step_id(step), "prov:entity": entity, "prov:role": "module",
             **own(loadOrder=place, askedAs=module.asked_as, loadedByModule=_said(module.by_other),
                   isDefault=_said(module.is_default))},
        )  # fmt: skip
    for package in captured.packages:
        entity = records.add(
            "entity",
            f"package/{digest([package.name, package.version, package.root])}",
            {
                "prov:type": term("EasyBuildPackage"),
                "prov:label": clean(package.name),
                "prov:location": clean(package.root),
                **({"schema:softwareVersion": package.version} if package.version else {}),
            },
        )
        records.use(step_id(step), entity, "package")
    if captured.spack_env:
        key = [captured.spack_env, captured.spack_lock_sha256]
        entity = records.add(
            "entity",
            f"spack/{digest(key)}",
            {
                "prov:type": term("SpackEnvironment"),
                "prov:label": clean(captured.spack_env.rpartition("/")[2]),
                "prov:location": clean(captured.spack_env),
                **({"schema:sha256": captured.spack_lock_sha256} if captured.spack_lock_sha256
                   else {}),
            },
        )  # fmt: skip
        records.use(step_id(step), entity, "environment")


def _said(truth: bool | None) -> str | None:
    return None if truth is None else str(truth).lower()

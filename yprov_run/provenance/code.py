"""The code that a step ran: its repositories, and what was changed in them."""

from __future__ import annotations

from yprov_run.kinds.code import Captured, Repository
from yprov_run.merge.attachments import patch_of
from yprov_run.model import Job, Step
from yprov_run.provenance.attachments import add_attachment
from yprov_run.provenance.identifiers import step_id
from yprov_run.provenance.records import Records, clean, digest, own
from yprov_run.provenance.vocabulary import term


def add(records: Records, job: Job, step: Step, captured: Captured) -> None:
    """Add a step's repositories as what the step used; equal ones of several steps are one."""
    del job
    for repository in captured.repositories:
        entity = _add(records, repository)
        records.use(step_id(step), entity, "code")


def _add(records: Records, repository: Repository) -> str:
    patch = patch_of(repository)
    modules = [
        [module.path, module.commit or module.recorded_commit, module.dirty]
        for module in repository.submodules
    ]
    version = [repository.root, repository.commit, patch.sha256 if patch else repository.dirty]
    entity = records.add(
        "entity",
        f"code/{digest(version)}",
        {
            "prov:type": term("CodeState"),
            "prov:label": clean(repository.root).rstrip("/").rpartition("/")[2] or "code",
            "prov:location": clean(repository.root),
            **({"schema:codeRepository": clean(repository.remote)} if repository.remote else {}),
            **own(
                commit=repository.commit,
                branch=repository.branch,
                dirty=None if repository.dirty is None else str(repository.dirty).lower(),
                changedCount=repository.changed_count,
                untrackedCount=repository.untracked_count,
                submodules=modules or None,
                note="; ".join(repository.problems),
            ),
        },
    )
    if patch is not None:
        add_attachment(records, patch, entity)
    return entity

"""Files beside the document that are made of what was captured: too long for a document.

Each is named after its content, so that equal ones of several steps are one file, and a merge that
is repeated writes the same.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from yprov_run.audience import EVERYBODY, common
from yprov_run.jobdir import JobDir, replace_file
from yprov_run.kinds import binaries, code, container, software
from yprov_run.merge.staging import make_folder
from yprov_run.model import Job


@dataclass(frozen=True)
class Attachment:
    """A file in the folder of artifacts; `rows` is None where it is no table.

    `mode` is who may read it at most.
    """

    name: str
    label: str
    format: str
    content: bytes
    rows: int | None = None
    mode: int = EVERYBODY

    @property
    def path(self) -> str:
        """Where it is in the job directory."""
        return f"artifacts_GR0/{self.name}"

    @property
    def sha256(self) -> str:
        """The checksum of its content."""
        return hashlib.sha256(self.content).hexdigest()


def write_attachments(job: Job, directory: JobDir) -> None:
    """Write the attachments of all steps. Raises OSError."""
    found: dict[str, Attachment] = {}
    for step in job.steps:
        for captured in step.captured:
            for one in attachments(captured.data):
                equal = found.get(one.name, one)
                found[one.name] = replace(one, mode=common([one.mode, equal.mode]))
    for one in found.values():
        make_folder(directory.artifacts)
        replace_file(directory.artifacts / one.name, one.content, one.mode)


def attachments(captured: object) -> Iterator[Attachment]:
    """Yield the attachments that one kind of capture makes."""
    found: list[Attachment | None] = []
    if isinstance(captured, code.Captured):
        found = [patch_of(repository) for repository in captured.repositories]
    elif isinstance(captured, software.Captured) and captured.python is not None:
        found = [packages_of(captured)]
    elif isinstance(captured, binaries.Captured):
        found = [libraries_of(captured)]
    elif isinstance(captured, container.Captured):
        found = [definition_of(image) for image in captured.containers]
    yield from (attachment for attachment in found if attachment is not None)


def patch_of(repository: code.Repository) -> Attachment | None:
    """Return what was changed and not committed, as `git apply` reads it."""
    if not repository.patch:
        return None
    content = repository.patch.encode("utf-8", "surrogateescape")
    patch = _named("code", ".patch", "changes to the commit", "text/x-diff", content)
    return replace(patch, mode=repository.mode)


def definition_of(image: container.Container) -> Attachment | None:
    """Return the recipe of a container image."""
    if not image.definition:
        return None
    content = image.definition.encode("utf-8", "replace")
    definition = _named("container", ".def", "definition of the image", "text/plain", content)
    return replace(definition, mode=image.mode)


def packages_of(captured: software.Captured) -> Attachment:
    """Return the installed packages as a table."""
    rows = [
        (manager, one.name, one.version, one.origin, one.commit, "yes" if one.editable else "")
        for manager, packages in (("python", captured.distributions), ("conda", captured.conda))
        for one in packages
    ]
    header = ("manager", "name", "version", "origin", "commit", "editable")
    return _table("packages", "installed packages", header, rows)


def libraries_of(captured: binaries.Captured) -> Attachment | None:
    """Return the libraries that a step's programs had loaded as a table."""
    if not captured.libraries:
        return None
    rows = [
        (one.path, one.size_bytes, one.sha256, one.build_id, one.note)
        for one in sorted(captured.libraries, key=lambda one: one.path)
    ]
    header = ("path", "size_bytes", "sha256", "build_id", "note")
    return _table("libraries", "loaded libraries", header, rows)


def _table(
    stem: str, label: str, header: Sequence[str], rows: Sequence[Sequence[object]]
) -> Attachment:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    content = stream.getvalue().encode("utf-8", "backslashreplace")
    return _named(stem, ".csv", label, "text/csv", content, len(rows))


def _named(
    stem: str, ending: str, label: str, form: str, content: bytes, rows: int | None = None
) -> Attachment:
    name = f"{stem}_{hashlib.sha256(content).hexdigest()[:12]}{ending}"
    return Attachment(name, label, form, content, rows)

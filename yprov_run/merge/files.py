"""A step's files as they were recorded: single ones, and collections."""

from __future__ import annotations

from yprov_run.jobdir import StepDir
from yprov_run.kinds.files import FileCollection, FileRef, FileVersion
from yprov_run.merge import fields
from yprov_run.model import Gap, Json

_MAX_FILES = 20_000
_ROLES = {"input", "output", "configuration", "checkpoint", "log", "program"}


def read_files(
    step: StepDir, where: str, gaps: list[Gap], is_due: bool
) -> tuple[tuple[FileRef, ...], tuple[FileCollection, ...]]:
    """Return a step's files and collections; what is damaged becomes gaps.

    So does what is missing though it `is_due`.
    """
    record, problem = fields.load(step.files)
    if problem:
        if problem != "missing":
            gaps.append(Gap(where, f"its files.json is {problem}"))
        elif is_due:
            gaps.append(Gap(where, "inputs and outputs: not looked at when it had ended"))
        return (), ()
    gaps += [Gap(where, words) for words in fields.texts(record, "problems")]
    files = _files(record, "files")
    collections = [
        _collection(item, step)
        for item in fields.sequence(record, "collections")
        if isinstance(item, dict) and _role(item)
    ]
    return files, tuple(collections)


def _files(source: Json, name: str) -> tuple[FileRef, ...]:
    items = fields.sequence(source, name)[:_MAX_FILES]
    return tuple(_file(item) for item in items if isinstance(item, dict) and _role(item))


def _role(item: Json) -> str:
    role = fields.text(item, "role")
    return role if role in _ROLES else ""


def _generated(item: Json) -> bool:
    generated = item.get("generated")
    return generated if isinstance(generated, bool) else _role(item) == "output"


def _file(item: Json) -> FileRef:
    return FileRef(
        path=fields.text(item, "path"),
        role=_role(item),
        size_bytes=fields.integer(item, "size_bytes"),
        sha256=fields.text(item, "sha256") or None,
        modified_ms=fields.integer(item, "modified_ms"),
        note=fields.text(item, "note"),
        generated=_generated(item),
        origin=fields.text(item, "origin"),
        inode=fields.integer(item, "inode"),
        before=_version(fields.mapping(item, "before")),
    )


def _version(item: Json) -> FileVersion | None:
    size, modified = fields.integer(item, "size_bytes"), fields.integer(item, "modified_ms")
    if size is None or modified is None:
        return None
    return FileVersion(size, modified, fields.integer(item, "inode") or 0)


def _collection(item: Json, step: StepDir) -> FileCollection:
    manifest = fields.text(item, "manifest")
    if not manifest or "/" in manifest or manifest.startswith("."):
        manifest = ""
    return FileCollection(
        path=fields.text(item, "path"),
        role=_role(item),
        generated=_generated(item),
        origin=fields.text(item, "origin"),
        count=fields.integer(item, "count") or 0,
        size_bytes=fields.integer(item, "size_bytes") or 0,
        sha256=fields.text(item, "sha256"),
        unhashed_count=fields.integer(item, "unhashed_count") or 0,
        manifest=step.relative(step.manifests / manifest) if manifest else "",
        note=fields.text(item, "note"),
        members=_files(item, "members"),
    )

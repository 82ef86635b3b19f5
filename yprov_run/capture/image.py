"""What a container image's own files tell: its recipe, its digest in a store that we may read."""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import replace

from yprov_run.kinds.container import Container
from yprov_run.safefile import open_regular, read_text

_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})\Z")
_MAX_DEFINITION_BYTES = 256 << 10


def digest_in(reference: str) -> str:
    """Return the digest at the end of an image's reference; empty if there is none."""
    found = _DIGEST.search(reference)
    return found[1] if found else ""


def with_image(container: Container, environ: Mapping[str, str], folder: str) -> Container:
    """Add what the image's own files tell."""
    if "://" in container.reference:
        return container
    path = os.path.join(folder, container.reference)  # noqa: PTH118 - may be no text
    if os.path.isfile(path):  # noqa: PTH113 - never raises
        return replace(container, path=path, definition=sif_definition(path))
    if os.path.isdir(path):  # noqa: PTH112 - never raises
        recipe = read_text(f"{path}/.singularity.d/Singularity", _MAX_DEFINITION_BYTES)
        return replace(container, path=path, definition=recipe)
    if container.digest:
        return container
    if container.engine.startswith("podman"):
        return replace(container, digest=_podman_digest(container.reference, environ))
    if container.engine in {"docker", "nerdctl"}:
        return replace(container, digest=_docker_digest(container.reference, environ))
    if container.engine == "enroot":
        return _enroot_image(container, environ)
    return container


def _enroot_image(container: Container, environ: Mapping[str, str]) -> Container:
    """Add the folder of a container that `enroot create` unpacked."""
    data = environ.get("ENROOT_DATA_PATH") or f"{_data_home(environ)}/enroot"
    folder = os.path.join(data, container.reference)  # noqa: PTH118 - may be no text
    there = "/" not in container.reference and os.path.isdir(folder)  # noqa: PTH112
    return replace(container, path=folder) if there else container


def _data_home(environ: Mapping[str, str]) -> str:
    return environ.get("XDG_DATA_HOME") or f"{environ.get('HOME', '')}/.local/share"


def _tagged(reference: str) -> str:
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"


def _json(path: str) -> object:
    try:
        return json.loads(read_text(path, 16 << 20) or "null")
    except (ValueError, RecursionError):
        return None


def _docker_digest(reference: str, environ: Mapping[str, str]) -> str:
    """Return the digest of an image in Docker's store, if that is ours to read (rootless, root)."""
    for data in (f"{_data_home(environ)}/docker", "/var/lib/docker"):
        found = _json(f"{data}/image/overlay2/repositories.json")
        stored = found.get("Repositories") if isinstance(found, dict) else None
        for names in stored.values() if isinstance(stored, dict) else ():
            image = names.get(_tagged(reference)) if isinstance(names, dict) else None
            same = [name for name in names if names[name] == image] if image else []
            if digest := next(filter(None, map(digest_in, same)), ""):
                return digest
    return ""


def _podman_digest(reference: str, environ: Mapping[str, str]) -> str:
    """Return the digest of an image in the user's own store of Podman, or the machine's."""
    name = _tagged(reference)
    for data in (f"{_data_home(environ)}/containers", "/var/lib/containers"):
        images = _json(f"{data}/storage/overlay-images/images.json")
        for image in images if isinstance(images, list) else ():
            names = image.get("names") if isinstance(image, dict) else None
            known = [known for known in names or () if isinstance(known, str)]
            if any(known == name or known.endswith(f"/{name}") for known in known):
                digest = image.get("digest")
                return digest if isinstance(digest, str) else ""
    return ""


_SIF_MAGIC = b"SIF_MAGIC"
_SIF_HEADER = struct.Struct("<32s10s3s3s16sqqqqqqq")
# The beginning of a descriptor: kind, in use, id, group, link, offset, size.
_SIF_DESCRIPTOR = struct.Struct("<i?IIIqq")
_SIF_DESCRIPTOR_BYTES = 585
_SIF_DEFINITION = 0x4001
_MAX_DESCRIPTORS = 64


def sif_definition(path: str) -> str:
    """Return the definition file inside a SIF image; empty for any other file."""
    try:
        fd = open_regular(path)
    except (OSError, ValueError):
        return ""
    try:
        head = os.pread(fd, _SIF_HEADER.size, 0)
        if len(head) < _SIF_HEADER.size or head[32:41] != _SIF_MAGIC:
            return ""
        fields = _SIF_HEADER.unpack(head)
        total, offset = fields[8], fields[9]
        for index in range(max(0, min(total, _MAX_DESCRIPTORS))):
            raw = os.pread(fd, _SIF_DESCRIPTOR.size, offset + index * _SIF_DESCRIPTOR_BYTES)
            kind, used, _, _, _, at, size = _SIF_DESCRIPTOR.unpack(raw)
            if used and kind == _SIF_DEFINITION and 0 < size <= _MAX_DEFINITION_BYTES:
                return os.pread(fd, size, at).decode("utf-8", "replace")
    except (OSError, struct.error, OverflowError):
        return ""
    finally:
        os.close(fd)
    return ""

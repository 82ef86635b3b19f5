"""The container that a command runs in: from its words, its variables, and the image's own files.

No container program is asked: only files are read. Of an image that lies in a store that we may
not read, the reference is what is known.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from yprov_run.audience import EVERYBODY, audience
from yprov_run.capture.safefile import open_regular, read_text
from yprov_run.capture.scene import Scene
from yprov_run.jobdir import StepDir
from yprov_run.kinds.container import Captured, Container
from yprov_run.redaction.text import redact_text

_APPTAINER = ("apptainer", "singularity")
_ENGINES = ("podman", "docker", "nerdctl", "podman-hpc", "shifter", "charliecloud", "ch-run")
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})\Z")
_MAX_DEFINITION_BYTES = 256 << 10
# How Slurm hands options of its plugins from a batch script to its steps.
_SPANK = "SLURM_SPANK__SLURM_SPANK_OPTION_pyxis"

# Options of `run` and `exec` that take a value in a word of its own; others have none, or `=`.
_APPTAINER_VALUES = {
    "-B",
    "--bind",
    "--mount",
    "-W",
    "--workdir",
    "-H",
    "--home",
    "-o",
    "--overlay",
    "-S",
    "--scratch",
    "--env",
    "--env-file",
    "--pwd",
    "--cwd",
    "--app",
    "--dns",
    "--hostname",
    "--network",
    "--network-args",
    "--security",
    "--fusemount",
    "--apply-cgroups",
    "--memory",
    "--cpus",
    "--cpu-shares",
    "--cpuset-cpus",
    "--pids-limit",
    "--add-caps",
    "--drop-caps",
    "--docker-host",
    "--authfile",
    "--pem-path",
    "--blkio-weight",
    "--shm-size",
}
_ENGINE_FLAGS = {
    "-d",
    "--detach",
    "-i",
    "--interactive",
    "-t",
    "--tty",
    "-it",
    "-ti",
    "--rm",
    "--init",
    "--privileged",
    "--read-only",
    "-P",
    "--publish-all",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--no-hosts",
    "--no-hostname",
    "--replace",
    "-q",
    "--quiet",
    "--gpu",
    "--mpi",
    "--env-host",
    "--http-proxy",
    "--tls-verify",
    "--sig-proxy",
}
_ENGINE_GLOBALS_WITH_VALUE = {
    "-H", "--host", "--config", "--context", "-c", "-l", "--log-level", "--root", "--runroot",
    "--url", "--connection", "--identity", "--namespace", "-n", "--storage-driver",
}  # fmt: skip


def take(scene: Scene) -> Captured:
    """Return the containers of the launched command."""
    found = capture(scene.argv, scene.environ, scene.cwd)
    return Captured(tuple(_redacted(container, scene.step.path) for container in found))


def described(container: Container, scene: Scene) -> Container:
    """Return a container that was found otherwise, with what its image's own files tell."""
    told = _with_image(container, scene.environ, scene.cwd) if container.reference else container
    return _redacted(told, scene.step.path)


def image_files(step: StepDir) -> tuple[str, ...]:
    """Return the files that are images of a step, by what was captured of it."""
    found = []
    with suppress(OSError, ValueError, KeyError, TypeError):
        for container in json.loads(step.captured("container").read_text())["data"]["containers"]:
            if container["path"] and os.path.isfile(container["path"]):  # noqa: PTH113
                found.append(container["path"])
    return tuple(dict.fromkeys(found))


def _redacted(container: Container, beside: Path) -> Container:
    """Return a container without the credentials in its reference, path and recipe."""
    return replace(
        container,
        reference=redact_text(container.reference),
        path=redact_text(container.path),
        definition=redact_text(container.definition),
        mode=audience(container.path, beside) if container.definition else EVERYBODY,
    )


def capture(argv: Sequence[str], environ: Mapping[str, str], folder: str) -> list[Container]:
    """Return the containers that a command line and its variables name, each once."""
    found: dict[tuple[str, str], Container] = {}
    for container in (*_in_words(argv), *_in_variables(environ)):
        found.setdefault((container.engine, container.reference), container)
    return [_with_image(container, environ, folder) for container in found.values()]


def _in_words(argv: Sequence[str]) -> Iterator[Container]:
    for index, word in enumerate(argv):
        name = os.path.basename(word)  # noqa: PTH119 - may be no text
        rest = argv[index + 1 :]
        if name in _APPTAINER:
            yield from _reference(name, _after_command(rest, ("run", "exec", "shell"), False))
        elif name in _ENGINES:
            yield from _reference(name, _after_command(rest, ("run", "create"), True))
        elif name == "enroot":
            yield from _reference(name, _enroot(rest))
        elif name == "srun" or name == "sbatch":
            yield from _reference("pyxis", _option(rest, ("--container-image",)))
            yield from _reference("slurm-oci", _option(rest, ("--container",)))


def _reference(engine: str, reference: str) -> Iterator[Container]:
    if reference:
        yield Container(engine, reference, digest=digest_in(reference))


def digest_in(reference: str) -> str:
    """Return the digest at the end of an image's reference; empty if there is none."""
    found = _DIGEST.search(reference)
    return found[1] if found else ""


def _after_command(words: Sequence[str], commands: Sequence[str], by_flags: bool) -> str:
    """Return the first word after `run` and its options.

    Of Apptainer's options the ones with a value are known, of the others' the ones without.
    """
    started, skip = False, False
    for word in words:
        if skip:
            skip = False
        elif not started:
            started = word in commands
            skip = not started and word in _ENGINE_GLOBALS_WITH_VALUE
        elif not word.startswith("-"):
            return word
        elif "=" not in word:
            skip = word not in _ENGINE_FLAGS if by_flags else word in _APPTAINER_VALUES
    return ""


def _enroot(words: Sequence[str]) -> str:
    """Return the container of `enroot start [options] NAME|IMAGE`."""
    if not words or words[0] not in {"start", "exec", "batch"}:
        return ""
    with_value = {"-c", "--conf", "-e", "--env", "--rc", "-m", "--mount"}
    skip = False
    for word in words[1:]:
        if skip:
            skip = False
        elif not word.startswith("-"):
            return word
        else:
            skip = word in with_value
    return ""


def _option(words: Sequence[str], names: Sequence[str]) -> str:
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else next(iter(words[index + 1 :]), "")
    return ""


def _in_variables(environ: Mapping[str, str]) -> Iterator[Container]:
    """Yield the container that we, and so the command, are in already."""
    for name, engine in (
        ("APPTAINER_CONTAINER", "apptainer"), ("SINGULARITY_CONTAINER", "singularity"),
        (f"{_SPANK}_container_image", "pyxis"),
        ("SLURM_CONTAINER_IMAGE", "pyxis"), ("SLURM_CONTAINER", "slurm-oci"),
        ("SHIFTER_IMAGEREQUEST", "shifter"), ("SHIFTER_IMAGE", "shifter"),
    ):  # fmt: skip
        if environ.get(name):
            yield Container(engine, environ[name], digest=digest_in(environ[name]), source=name)
            if engine == "apptainer":
                return  # it sets the older name too
    yield from _in_environment_file(environ.get(f"{_SPANK}_environment", ""))


def _in_environment_file(path: str) -> Iterator[Container]:
    """Yield the image that a file of `--environment` names, where Pyxis has that option."""
    text = read_text(path, _MAX_DEFINITION_BYTES) if path.startswith("/") else ""
    image = re.search(r"^[ \t]*image[ \t]*=[ \t]*([\"'])(.{1,4000}?)\1", text, re.MULTILINE)
    if image:
        yield Container("pyxis", image[2], digest=digest_in(image[2]), source=path)


def _with_image(container: Container, environ: Mapping[str, str], folder: str) -> Container:
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

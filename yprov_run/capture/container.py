"""The container that a command runs in: from its words, its variables, and the image's own files.

No container program is asked: only files are read. Of an image that lies in a store that we may
not read, the reference is what is known.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from yprov_run.audience import EVERYBODY, audience
from yprov_run.capture.image import digest_in, with_image
from yprov_run.capture.scene import Scene
from yprov_run.jobdir import StepDir
from yprov_run.kinds.container import Captured, Container
from yprov_run.redaction.shapes import REDACTED
from yprov_run.redaction.text import redact_argv, redact_text
from yprov_run.safefile import read_text

_APPTAINER = ("apptainer", "singularity")
_ENGINES = ("podman", "docker", "nerdctl", "podman-hpc", "shifter", "charliecloud", "ch-run")
_MAX_FILE_BYTES = 256 << 10
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
    "--docker-username",
    "--docker-password",
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
    told = with_image(container, scene.environ, scene.cwd) if container.reference else container
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
    # What is a credential by its place is no image, whatever options we know.
    for container in (*_in_words(redact_argv(argv)), *_in_variables(environ)):
        found.setdefault((container.engine, container.reference), container)
    return [with_image(container, environ, folder) for container in found.values()]


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
    if reference and reference != REDACTED:
        yield Container(engine, reference, digest=digest_in(reference))


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
    text = read_text(path, _MAX_FILE_BYTES) if path.startswith("/") else ""
    image = re.search(r"^[ \t]*image[ \t]*=[ \t]*([\"'])(.{1,4000}?)\1", text, re.MULTILINE)
    if image:
        yield Container("pyxis", image[2], digest=digest_in(image[2]), source=path)

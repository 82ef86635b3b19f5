"""What a container's process shows from outside: its engine's own notes, labels, its system.

Read through /proc/PID/root and /proc/PID/environ in a thread of its own: an image may be mounted by
a program that no longer answers. Nothing here waits for it.
"""

from __future__ import annotations

import os
import stat
import threading

from yprov_run.measures import Json

# What the engines set for the process inside.
_VARIABLES = (
    "APPTAINER_CONTAINER", "APPTAINER_NAME", "SINGULARITY_CONTAINER", "SINGULARITY_NAME",
    "container", "ENROOT_ROOTFS", "SHIFTER_IMAGE", "SHIFTER_IMAGEREQUEST", "CH_RUNNING",
)  # fmt: skip
_MAX_BYTES = 64 << 10
_MAX_LABELS = 100
_MAX_LABEL = 2_000
_MOST = 8


class InsideFinder:
    """Looks into each container once, as far as eight of them; what was found is taken later."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._seen: set[str] = set()
        self._found: list[Json] = []

    def look(self, pid: int, exe: str) -> None:
        """Begin to look into the container that a process runs in, unless it was looked into."""
        try:
            space = os.readlink(f"{self._proc}/{pid}/ns/mnt")  # noqa: PTH115 - light
        except OSError:
            return
        if space in self._seen or len(self._seen) >= _MOST:
            return
        self._seen.add(space)
        threading.Thread(target=self._look, args=(pid, exe), name="inside", daemon=True).start()

    def _look(self, pid: int, exe: str) -> None:
        try:
            if told := _inside(self._proc, pid):
                self._found.append({"pid": pid, "exe": exe, **told})
        except Exception as error:  # noqa: BLE001 - fails open: recorded in the event
            self._found.append({"pid": pid, "exe": exe, "problem": type(error).__name__})

    def take(self) -> list[Json]:
        """Return what was found since the last call."""
        # The threads may be adding: the list stays the same one.
        return [self._found.pop(0) for _ in range(len(self._found))]


def _inside(proc: str, pid: int) -> Json:
    """Return what a process shows; nothing if it has mounts of its own and else is as we are."""
    from yprov_run.redaction.text import redact_json

    root, ours = f"{proc}/{pid}/root", f"{proc}/self/root"
    told: Json = {
        "variables": _variables(f"{proc}/{pid}/environ"),
        "engine": _pairs(_read(f"{root}/run/.containerenv")),
        "labels": _labels(_read(f"{root}/.singularity.d/labels.json")),
        "is_docker": _is_there(f"{root}/.dockerenv") and not _is_there(f"{ours}/.dockerenv"),
    }
    system = _system(root)
    if any(told.values()) or system != _system(ours):
        told["system"] = system
    return {name: redact_json(value, name) for name, value in told.items() if value}


def _system(root: str) -> str:
    return _pairs(_read(f"{root}/etc/os-release")).get("PRETTY_NAME", "")


def _read(path: str) -> str:
    """Return the beginning of a regular file; empty for anything else."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        return os.read(fd, _MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def _is_there(path: str) -> bool:
    return os.path.lexists(path)


def _variables(path: str) -> dict[str, str]:
    """Return the engines' variables from a process's environment."""
    lines = (line.partition("=") for line in _whole(path).split("\0"))
    return {name: value[:_MAX_LABEL] for name, _, value in lines if name in _VARIABLES}


def _whole(path: str) -> str:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - light
            return stream.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return ""


def _pairs(text: str) -> dict[str, str]:
    """Return the values of `name="value"` lines."""
    found = {}
    for line in text.splitlines()[:_MAX_LABELS]:
        name, equals, value = line.partition("=")
        if equals and name.replace("_", "").isalnum():
            found[name] = value.strip().strip("\"'")[:_MAX_LABEL]
    return found


def _labels(text: str) -> dict[str, str]:
    """Return an image's labels from their JSON; none where it is anything else."""
    from json import loads

    try:
        found = loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    items = list(found.items())[:_MAX_LABELS] if isinstance(found, dict) else []
    return {name[:_MAX_LABEL]: value[:_MAX_LABEL] for name, value in items
            if isinstance(value, str)}  # fmt: skip

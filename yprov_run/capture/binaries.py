"""Compiled programs and the libraries that they really loaded, as the kernel mapped them.

The node agent notes which files a running process has mapped; here, after the step, each is looked
at: build id, checksum, and the versions of what matters most for speed and results.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from yprov_run.capture import elf
from yprov_run.capture.hashing import Budget, hash_all
from yprov_run.capture.scene import Scene
from yprov_run.kinds.binaries import Binary, Captured, Component
from yprov_run.safefile import open_regular
from yprov_run.trace.events import PROGRAM, EventReport, read_events

MAX_BINARIES = 2_000
_HASHING_S = 5.0
_HASHING_BYTES = 4 * 10**9
_MAX_SEARCHED_BYTES = 64 << 20

# What a library's file name tells: `libcudart.so.12.4.127`, `libnccl.so.2.20.5`.
_BY_NAME = (
    ("CUDA driver", re.compile(r"libcuda\.so\.(\d+\.\d+(?:\.\d+)?)\Z")),
    ("CUDA runtime", re.compile(r"libcudart(?:-[0-9a-f]+)?\.so\.([\d.]+)\Z")),
    ("cuDNN", re.compile(r"libcudnn\.so\.([\d.]+)\Z")),
    ("cuBLAS", re.compile(r"libcublas\.so\.([\d.]+)\Z")),
    ("NCCL", re.compile(r"libnccl\.so\.([\d.]+)\Z")),
    ("NVML", re.compile(r"libnvidia-ml\.so\.(\d+\.\d+(?:\.\d+)?)\Z")),
    ("HIP", re.compile(r"libamdhip64\.so\.([\d.]+)\Z")),
    ("RCCL", re.compile(r"librccl\.so\.([\d.]+)\Z")),
    ("UCX", re.compile(r"libucp\.so\.([\d.]+)\Z")),
    ("libfabric", re.compile(r"libfabric\.so\.([\d.]+)\Z")),
    ("OpenBLAS", re.compile(r"libopenblas[\w-]*?-r?(\d+\.\d+\.\d+)\.so\Z")),
    ("C library", re.compile(r"libc-(\d+\.\d+)\.so\Z")),
)
# Where the name does not tell, the library's own words: (file name, what is searched in it).
_BY_CONTENT = (
    ("Open MPI", re.compile(r"libmpi\.so"), re.compile(rb"Open MPI v(\d+\.\d+\.\d+\w*)")),
    ("Open MPI", re.compile(r"libopen-[rp]"), re.compile(rb"Open MPI v(\d+\.\d+\.\d+\w*)")),
    ("MPICH", re.compile(r"libmpi(?:ch)?\.so"), re.compile(rb"MPICH Version:\s*(\d[\w.]+)")),
    ("Intel MPI", re.compile(r"libmpi\.so"), re.compile(rb"Intel\(R\) MPI Library (\d[\w. ]+?) f")),
    ("Cray MPICH", re.compile(r"libmpi_\w+\.so"), re.compile(rb"CRAY MPICH version (\d[\w.]+)")),
    ("C library", re.compile(r"libc\.so\.6\Z"),
     re.compile(rb"GNU C Library [^\n]{0,80}version (\d+\.\d+)")),
)  # fmt: skip


def take(scene: Scene) -> Captured:
    """Return the programs of the launched command that its first node's agent saw."""
    programs: dict[str, bool] = {}
    mapped: list[str] = []
    for key in scene.step.node_keys():
        with suppress(OSError):
            for event in read_events(scene.step.node(key).events, EventReport()):
                if event["event"] == PROGRAM and isinstance(event.get("exe"), str):
                    elsewhere = event.get("elsewhere") is True
                    programs.setdefault(str(event["exe"]), elsewhere)
                    mapped += [] if elsewhere else _texts(event.get("files"))
    return capture(programs, mapped, Budget(_HASHING_S, _HASHING_BYTES))


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def capture(programs: Mapping[str, bool], mapped: Sequence[str], budget: Budget) -> Captured:
    """Look at the files of programs (True: only in a container) and of what they mapped."""
    here = [path for path, elsewhere in programs.items() if not elsewhere][:MAX_BINARIES]
    libraries = [path for path in dict.fromkeys(mapped) if path not in here and is_library(path)]
    inside = tuple(
        Binary(path, None, None, "", "", "in a container: not looked at")
        for path, elsewhere in programs.items()
        if elsewhere
    )
    described = tuple(_describe(here, budget))
    return Captured(
        described + inside,
        tuple(_libraries(libraries[:MAX_BINARIES], budget)),
        tuple(components(libraries)),
    )


def _libraries(paths: Sequence[str], budget: Budget) -> list[Binary]:
    """Describe libraries: a build id is a checksum already; only those without one are hashed."""
    found = [(path, elf.read(path) or elf.Elf("", "")) for path in paths]
    known = [Binary(path, _size(path), None, facts.build_id, "") for path, facts in found
             if facts.build_id]  # fmt: skip
    return known + _describe([path for path, facts in found if not facts.build_id], budget)


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - may be no text
    except (OSError, ValueError):
        return None


def is_library(path: str) -> bool:
    """Tell a shared library from other files that a process maps, by its name."""
    name = os.path.basename(path)  # noqa: PTH119 - may be no text
    return name.endswith(".so") or ".so." in name


def _describe(paths: Sequence[str], budget: Budget) -> list[Binary]:
    found = []
    for hashed in hash_all(((path, None) for path in paths), budget):
        facts = elf.read(hashed.path) or elf.Elf("", "")
        size = hashed.version.size_bytes if hashed.version else None
        found.append(
            Binary(hashed.path, size, hashed.sha256, facts.build_id, facts.interpreter, hashed.note)
        )
    return found


def components(libraries: Sequence[str]) -> Iterator[Component]:
    """Yield what the libraries tell of known software, each name once."""
    seen = set()
    for path in libraries:
        for component in _known(path):
            if component.name not in seen:
                seen.add(component.name)
                yield component


def _known(path: str) -> Iterator[Component]:
    name = os.path.basename(os.path.realpath(path))  # noqa: PTH119 - may be no text
    for label, pattern in _BY_NAME:
        if match := pattern.search(name):
            yield Component(label, match[1], path)
    for label, pattern, words in _BY_CONTENT:
        if pattern.match(name) and (version := _search(path, words)):
            yield Component(label, version.strip(), path)


def _search(path: str, words: re.Pattern[bytes]) -> str:
    try:
        fd = open_regular(path)
    except (OSError, ValueError):
        return ""
    try:
        rest, left = b"", _MAX_SEARCHED_BYTES
        while left > 0 and (block := os.read(fd, 1 << 20)):
            if match := words.search(rest + block):
                return match[1].decode("ascii", "replace")
            rest = block[-256:]
            left -= len(block)
    except OSError:
        return ""
    finally:
        os.close(fd)
    return ""

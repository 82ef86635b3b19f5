"""What is installed for a Python: from the metadata in the folders that its importer sees."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from yprov_run.kinds.software import Distribution, Interpreter
from yprov_run.redaction.remote import without_credentials
from yprov_run.safefile import open_regular, read_text

_MAX_DISTRIBUTIONS = 10_000
_MAX_FOLDERS = 200
_HEAD_BYTES = 1 << 14
_MAX_PTH_BYTES = 1 << 16


def installed(
    python: Interpreter, environ: Mapping[str, str], home: str = ""
) -> list[Distribution]:
    """Return the packages that a Python finds, sorted by name; the first on its path counts."""
    found: dict[str, Distribution] = {}
    for folder in list(_folders(python, environ, home))[:_MAX_FOLDERS]:
        for distribution in _in_folder(folder):
            key = re.sub(r"[-_.]+", "-", distribution.name).lower()
            found.setdefault(key, distribution)
            if len(found) >= _MAX_DISTRIBUTIONS:
                break
    return [found[key] for key in sorted(found)]


def conda_packages(python: Interpreter) -> list[Distribution]:
    """Return the packages of a conda environment, from the names of their records."""
    try:
        names = os.listdir(f"{python.prefix}/conda-meta")  # noqa: PTH208 - names are all it needs
    except OSError:
        return []
    packages = []
    for name in sorted(names)[:_MAX_DISTRIBUTIONS]:
        parts = name.removesuffix(".json").rsplit("-", 2)
        if name.endswith(".json") and len(parts) == 3:
            packages.append(Distribution(parts[0], parts[1], origin=f"conda:{parts[2]}"))
    return packages


def _folders(python: Interpreter, environ: Mapping[str, str], home: str) -> Iterator[str]:
    """Yield the folders of a Python's path that may hold packages, in its order."""
    seen = set()
    for folder in _path(python, environ, home):
        for place in (folder, *_added(folder)):
            if place not in seen:
                seen.add(place)
                yield place


def _path(python: Interpreter, environ: Mapping[str, str], home: str) -> Iterator[str]:
    for folder in environ.get("PYTHONPATH", "").split(os.pathsep):
        if folder:
            yield os.path.abspath(folder)  # noqa: PTH100 - a text
    short = python.short_version
    if home and python.sees_system and not environ.get("PYTHONNOUSERSITE"):
        base = environ.get("PYTHONUSERBASE") or f"{home}/.local"
        yield f"{base}/lib/python{short}/site-packages"
    prefixes = [python.prefix]
    if python.kind == "venv" and python.sees_system:
        prefixes.append(python.base)
    for prefix in prefixes:
        for library in ("lib", "lib64"):
            yield f"{prefix}/{library}/python{short}/site-packages"
        if prefix in {"/usr", "/usr/local", ""}:
            # Debian's way.
            yield f"/usr/local/lib/python{short}/dist-packages"
            yield "/usr/lib/python3/dist-packages"


def _added(folder: str) -> Iterator[str]:
    """Yield the folders that a folder's .pth files add; lines of code in them are not run."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pth"))  # noqa: PTH208 - names are all it needs
    except OSError:
        return
    for name in names[:_MAX_FOLDERS]:
        for line in read_text(f"{folder}/{name}", _MAX_PTH_BYTES).splitlines():
            if line.strip() and not line.startswith(("#", "import ", "import\t")):
                place = os.path.normpath(os.path.join(folder, line.strip()))  # noqa: PTH118
                if os.path.isdir(place):  # noqa: PTH112
                    yield place


def _in_folder(folder: str) -> Iterator[Distribution]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are all it needs
    except OSError:
        return
    for name in names:
        path = Path(folder) / name
        if name.endswith(".dist-info"):
            found = _read(path / "METADATA", path / "direct_url.json")
        elif name.endswith(".egg-info"):
            found = _read(path / "PKG-INFO" if path.is_dir() else path, None)
        else:
            continue
        yield found or _from_name(name)


def _from_name(name: str) -> Distribution:
    """Return what a folder's name tells where its metadata cannot be read."""
    parts = name.rpartition(".")[0].split("-")
    return Distribution(parts[0], parts[1] if len(parts) > 1 else "")


def _read(metadata: Path, direct_url: Path | None) -> Distribution | None:
    fields: dict[str, str] = {}
    for line in _head(metadata).splitlines():
        if not line.strip():
            break
        key, _, value = line.partition(":")
        fields.setdefault(key.lower(), value.strip())
    if not fields.get("name"):
        return None
    origin, commit, editable = _origin(direct_url) if direct_url else ("", "", False)
    return Distribution(fields["name"], fields.get("version", ""), origin, commit, editable)


def _head(path: Path) -> str:
    """Return the beginning of a file: its header is there, and a long description after it."""
    try:
        fd = open_regular(path)
    except (OSError, ValueError):
        return ""
    try:
        return os.read(fd, _HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def _origin(path: Path) -> tuple[str, str, bool]:
    try:
        told = json.loads(read_text(path) or "{}")
        url, vcs, folder = told.get("url"), told.get("vcs_info"), told.get("dir_info")
    except (ValueError, AttributeError, RecursionError):
        return "", "", False
    commit = vcs.get("commit_id") if isinstance(vcs, dict) else ""
    editable = folder.get("editable") is True if isinstance(folder, dict) else False
    return (
        without_credentials(url) if isinstance(url, str) else "",
        commit if isinstance(commit, str) else "",
        editable,
    )

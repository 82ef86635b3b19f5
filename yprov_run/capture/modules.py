"""Modules of Lmod and Environment Modules, Spack and EasyBuild, from what they leave in variables.

Neither `module` nor anything else is run. Both systems keep two lists of one order: names in
`LOADEDMODULES`, files in `_LMFILES_`; Lmod has a table beside them (`lmodtable.py`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from yprov_run.capture.scene import Scene
from yprov_run.kinds.modules import Captured, Module, Package
from yprov_run.light import TYPE_CHECKING
from yprov_run.redaction.text import redact_text
from yprov_run.safefile import open_regular
from yprov_run.trace.digest import checksum

if TYPE_CHECKING:
    from yprov_run.capture.lmodtable import Loaded

_MAX_MODULES = 1000
_MAX_FILE = 4 << 20


def take(scene: Scene) -> Captured | None:
    """Return what was loaded when the command was launched, or None if nothing was."""
    environ = scene.environ
    system, version = _system(environ)
    modules, problems = modules_of(environ)
    spack_env = environ.get("SPACK_ENV", "")
    packages = _packages(environ)
    if not (modules or spack_env or packages):
        return None
    return Captured(
        system=system if modules else "",
        system_version=version if modules else "",
        modules=modules,
        spack_env=spack_env,
        spack_lock_sha256=_checksum(str(Path(spack_env) / "spack.lock")) if spack_env else "",
        packages=packages,
        problems=problems,
    )


def _system(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return whose modules these are. Environment Modules says no version in its variables."""
    if "LMOD_CMD" in environ or "LMOD_VERSION" in environ or "_ModuleTable_Sz_" in environ:
        return "Lmod", environ.get("LMOD_VERSION", "")
    return "Environment Modules", environ.get("MODULE_VERSION", "")


def modules_of(environ: Mapping[str, str]) -> tuple[tuple[Module, ...], tuple[str, ...]]:
    """Return the loaded modules in the order of loading, and what is wrong with their lists."""
    found, problems = _listed(environ)
    if "_ModuleTable_Sz_" not in environ:
        return found, problems
    from yprov_run.capture import lmodtable  # only where Lmod is

    try:
        table = lmodtable.loaded(environ)
    except lmodtable.TableError as error:
        return found, (*problems, f"Lmod's table of modules: {error}")
    listed = {f"{one.name}/{one.version}".rstrip("/"): one for one in found}
    if set(listed) != {one.full_name for one in table}:
        return found, (*problems, "Lmod's table of modules does not fit LOADEDMODULES")
    return tuple(_by_table(one, listed[one.full_name]) for one in table), problems


def _by_table(one: Loaded, listed: Module) -> Module:
    version = one.full_name.removeprefix(one.name).lstrip("/")
    return replace(
        listed,
        name=redact_text(one.name),
        version=redact_text(version),
        asked_as=redact_text(one.asked_as),
        by_other=one.by_other,
        is_default=one.is_default,
    )


def _listed(environ: Mapping[str, str]) -> tuple[tuple[Module, ...], tuple[str, ...]]:
    """Return the modules of the two lists that both systems keep."""
    names = [name for name in environ.get("LOADEDMODULES", "").split(":") if name]
    files = [file for file in environ.get("_LMFILES_", "").split(":") if file]
    problems = []
    if len(files) != len(names):
        problems.append(f"{len(names)} modules are loaded, but {len(files)} files are named")
        files = [""] * len(names)
    if len(names) > _MAX_MODULES:
        problems.append(f"{len(names)} modules are loaded: the first {_MAX_MODULES} are kept")
    found = []
    for full_name, file in list(zip(names, files, strict=True))[:_MAX_MODULES]:
        # Where the file's name is not the version, as in a cut name, the last part is all there is.
        name, _, version = full_name.rpartition("/")
        if not name:
            name, version = full_name, ""
        checksum = _checksum(file) if file else ""
        found.append(Module(redact_text(name), redact_text(version), redact_text(file), checksum))
    return tuple(found), tuple(problems)


def _packages(environ: Mapping[str, str]) -> tuple[Package, ...]:
    """Return EasyBuild's packages: `EBROOTGCC=/sw/GCC/12.3`, `EBVERSIONGCC=12.3`."""
    names = sorted(name.removeprefix("EBROOT") for name in environ if name.startswith("EBROOT"))
    return tuple(
        Package(
            name,
            redact_text(environ[f"EBROOT{name}"]),
            redact_text(environ.get(f"EBVERSION{name}", "")),
        )
        for name in names[:_MAX_MODULES]
    )


def _checksum(path: str) -> str:
    """Return the SHA-256 of a small regular file; empty for anything else."""
    try:
        with os.fdopen(open_regular(path), "rb") as stream:
            content = stream.read(_MAX_FILE + 1)
    except OSError:
        return ""
    return checksum(content) if len(content) <= _MAX_FILE else ""

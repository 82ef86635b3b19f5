"""The environment modules, Spack environment and EasyBuild packages that a command ran with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Module:
    """A loaded module: its name and version, and the file that defines it.

    `sha256` is empty where the file could not be read, or is not a file. The rest is what only
    Lmod tells: `asked_as` is what was asked for, `by_other` whether another module loaded it,
    `is_default` whether that version is marked as the default.
    """

    name: str
    version: str = ""
    file: str = ""
    sha256: str = ""
    asked_as: str = ""
    by_other: bool | None = None
    is_default: bool | None = None


@dataclass(frozen=True)
class Package:
    """A package that EasyBuild installed: where, and in which version."""

    name: str
    root: str
    version: str = ""


@dataclass(frozen=True)
class Captured:
    """What was loaded, in the order of loading; `system` is Lmod or Environment Modules.

    `spack_env` is the active Spack environment's folder, `spack_lock_sha256` its lock file's.
    """

    system: str = ""
    system_version: str = ""
    modules: tuple[Module, ...] = ()
    spack_env: str = ""
    spack_lock_sha256: str = ""
    packages: tuple[Package, ...] = ()
    problems: tuple[str, ...] = ()

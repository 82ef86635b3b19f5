"""The compiled programs that ran, and the libraries that they had loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Binary:
    """A program or library as a process had it mapped; what is empty or None could not be had."""

    path: str
    size_bytes: int | None
    sha256: str | None
    build_id: str
    interpreter: str
    note: str = ""


@dataclass(frozen=True)
class Component:
    """A piece of software known by a library: its name, version, and the library's path."""

    name: str
    version: str
    path: str


@dataclass(frozen=True)
class Captured:
    """The programs of a step's first node, and the libraries they had."""

    programs: tuple[Binary, ...] = ()
    libraries: tuple[Binary, ...] = ()
    components: tuple[Component, ...] = ()

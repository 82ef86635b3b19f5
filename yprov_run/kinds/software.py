"""The software of the user's program: its own Python and what is installed for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interpreter:
    """A Python as it was called, and what its files say; `kind` is venv, conda or system.

    `version` is empty where no file tells it; `base` is the installation that a virtual
    environment stands on, `sees_system` whether it uses that one's packages.
    """

    path: str
    real_path: str
    version: str
    kind: str
    prefix: str
    base: str
    sees_system: bool = True

    @property
    def short_version(self) -> str:
        """Major and minor version: `3.11`."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True)
class Distribution:
    """An installed package; `origin` is the URL it was installed from, if not by name.

    An editable one's code is what lies at its origin, whatever its version says.
    """

    name: str
    version: str
    origin: str = ""
    commit: str = ""
    editable: bool = False


@dataclass(frozen=True)
class Nearby:
    """A file beside the program that says what it needs."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Captured:
    """What a command runs with; `python` is None where its command line comes to no Python."""

    python: Interpreter | None = None
    distributions: tuple[Distribution, ...] = ()
    conda: tuple[Distribution, ...] = ()
    nearby: tuple[Nearby, ...] = ()

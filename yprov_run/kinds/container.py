"""The container that a command runs in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Container:
    """An image: how it was called, and what is known of it.

    `digest` is the registry's, from the reference or the image's own notes; `path` is a file or
    folder that is the image; `definition` is the recipe that lies in it. `source` says whether the
    command line named it, or which variable. `mode` is who may read the definition.
    """

    engine: str
    reference: str
    path: str = ""
    digest: str = ""
    definition: str = ""
    source: str = "command line"
    mode: int = 0o666


@dataclass(frozen=True)
class Captured:
    """The containers that a command line and its variables name."""

    containers: tuple[Container, ...] = ()

    @property
    def mode(self) -> int:
        """Who may read all of this, as permission bits."""
        mode = 0o666
        for container in self.containers:
            mode &= container.mode
        return mode

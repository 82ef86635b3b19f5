"""The container that a command runs in."""

from __future__ import annotations

from dataclasses import dataclass, field

from yprov_run.audience import EVERYBODY, common


@dataclass(frozen=True)
class Container:
    """An image: how it was called, and what is known of it.

    `digest` is the registry's, from the reference or the image's own notes; `path` is a file or
    folder that is the image; `definition` is the recipe that lies in it. `source` says whether the
    command line named it, or which variable. `mode` is who may read the definition.
    `image_id`, `labels` and `system` (its operating system) are what a process in it shows.
    """

    engine: str
    reference: str
    path: str = ""
    digest: str = ""
    definition: str = ""
    source: str = "command line"
    mode: int = EVERYBODY
    image_id: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    system: str = ""


@dataclass(frozen=True)
class Captured:
    """The containers that a command line and its variables name."""

    containers: tuple[Container, ...] = ()

    @property
    def mode(self) -> int:
        """Who may read all of this, as permission bits."""
        return common(container.mode for container in self.containers)

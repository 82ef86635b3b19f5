"""The containers that the tasks' processes really ran in."""

from __future__ import annotations

from dataclasses import dataclass

from yprov_run.kinds import container


@dataclass(frozen=True)
class Captured(container.Captured):
    """The containers of a step's first node, as their processes show them from outside."""

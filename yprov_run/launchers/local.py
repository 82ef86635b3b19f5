"""No launcher: the program runs on this machine, as one task."""

from __future__ import annotations

from collections.abc import Sequence

from yprov_run.launchers.grammar import Placement


def place(argv: Sequence[str]) -> Placement:
    """Put the shim before the first word."""
    return Placement("local", "local", (0,) if argv else ())

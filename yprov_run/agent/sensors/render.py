"""Which of a node's GPUs this process may use: sysfs shows them all, whatever its group allows."""

from __future__ import annotations

import os
from collections.abc import Sequence

from yprov_run.agent.sensors.files import names


def usable(folders: Sequence[str], dev: str = "/dev") -> list[str]:
    """Return the devices' folders without those whose render nodes may not be opened.

    All of them where none may: then it is not the scheduler that keeps this job from the others'
    GPUs. A device that has no such node stays.
    """
    allowed = {folder: _is_allowed(folder, dev) for folder in folders}
    if True not in allowed.values():
        return list(folders)
    return [folder for folder in folders if allowed[folder] is not False]


def _is_allowed(folder: str, dev: str) -> bool | None:
    """Tell whether a device's render node may be opened; None where there is none to be seen."""
    nodes = [f"{dev}/dri/{name}" for name in names(f"{folder}/drm") if name.startswith("renderD")]
    there = [node for node in nodes if os.path.exists(node)]  # noqa: PTH110 - half the cost
    # The kernel asks the control group here too (both versions), and the driver is left asleep.
    return any(os.access(node, os.R_OK | os.W_OK) for node in there) if there else None

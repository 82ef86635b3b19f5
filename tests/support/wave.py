"""The fake GPUs' truth: the same wave as in tests/fakes/nvml.c, integrated exactly."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

EPOCH_S = 1767225600.0
MEAN_W, SWING_W, PERIOD_S = 300.0, 100.0, 7.0


def energy_j(index: int, start_s: float, end_s: float) -> float:
    """Return the energy of a fake GPU between two UTC times in seconds."""
    turn = 2 * math.pi / PERIOD_S
    swing = SWING_W / turn * (math.cos(turn * start_s) - math.cos(turn * end_s))
    return (MEAN_W + 50 * index) * (end_s - start_s) + swing


def true_energy_j(document: dict[str, Any]) -> float:
    """Return the true energy of all GPUs over the node executions that a document names."""
    total = 0.0
    for usage in document["used"].values():
        if usage.get("prov:role") != "accelerator":
            continue
        activity = document["activity"][usage["prov:activity"]]
        start, end = (
            datetime.fromisoformat(activity[name]).timestamp()
            for name in ("prov:startTime", "prov:endTime")
        )
        index = int(usage["prov:entity"].rpartition("-")[2])
        total += energy_j(index, start, end)
    return total

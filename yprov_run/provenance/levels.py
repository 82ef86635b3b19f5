"""What stands of each node and GPU where there are many; tables beside the document have all."""

from __future__ import annotations

from yprov_run.provenance.records import Attributes
from yprov_run.provenance.vocabulary import term

_MAIN = frozenset(
    term(name)
    for name in (
        "clockOffset", "coverage", "energy", "energyEstimated", "gpuCount", "maxMemory",
        "maxNodeMemory", "maxPower", "meanPower", "meanUtilisation", "note", "taskCount",
    )
)  # fmt: skip


def main_figures(attributes: Attributes) -> Attributes:
    """Return only the main ones of our own attributes; all of PROV's and other vocabularies'."""
    return {
        name: value
        for name, value in attributes.items()
        if name in _MAIN or not name.startswith("run:")
    }

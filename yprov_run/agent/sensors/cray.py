"""HPE Cray EX nodes: energy and power of the node and its parts, from `pm_counters`.

The node's controller writes all files ten times a second; `freshness` counts that. A reading during
which it changed is made again. `generation` counts changes of the power cap.
"""

from __future__ import annotations

import re

from yprov_run.agent.sensors.base import SensorAbsentError, SensorUnavailableError
from yprov_run.agent.sensors.files import KernelFile, names, number
from yprov_run.measures import QUANTITIES, Column, Device

FOLDER = "cray/pm_counters"
_FILE = re.compile(r"(?:(cpu|memory|accel)(\d*)_)?(energy|power)")
_KIND = {"": "node", "cpu": "cpu", "memory": "memory", "accel": "module"}
_TRIES = 3


class CraySensor:
    """Every part of the node that `pm_counters` names: an accelerator there holds its GPUs."""

    name = "pm_counters"

    def __init__(self, sys: str = "/sys") -> None:
        root = f"{sys}/{FOLDER}"
        found = [match for match in map(_FILE.fullmatch, names(root)) if match]
        if not found:
            raise SensorAbsentError("no pm_counters")
        self._problems: list[str] = []
        self.devices: list[Device] = []
        self.columns: list[Column] = []
        self._files: list[KernelFile] = []
        try:
            self._freshness = KernelFile(f"{root}/freshness")
            self._generation = KernelFile(f"{root}/generation")
            for part in sorted({(match[1] or "", match[2] or "") for match in found}):
                self._add_part(root, *part)
        except OSError as error:
            raise SensorUnavailableError(f"{error.filename}: {error.strerror}") from error
        self._last_generation = self._generation.integer()

    def _add_part(self, root: str, part: str, number_of_it: str) -> None:
        label = f"{part}{number_of_it}"
        prefix = f"{root}/{label}_" if part else f"{root}/"
        index = len(self.devices)
        cap_w = number(f"{prefix}power_cap") or None
        self.devices.append(
            Device(
                index, f"{self.name}:{label or 'node'}", label or "node", kind=_KIND[part],
                source=self.name, power_limit_w=float(cap_w) if cap_w else None,
            )
        )  # fmt: skip
        for quantity in ("energy", "power"):
            try:
                self._files.append(KernelFile(prefix + quantity))
            except FileNotFoundError:
                continue
            self.columns.append(Column(QUANTITIES[f"zone_{quantity}"], index))

    def read(self) -> list[int | None]:
        """Return energy in 0.1 J and power in 0.1 W of every part, all of one moment."""
        values: list[int | None] = []
        for _ in range(_TRIES):
            before = self._freshness.integer()
            values = [file.integer() for file in self._files]
            if self._freshness.integer() == before:
                break
        generation = self._generation.integer()
        if generation != self._last_generation:
            self._last_generation = generation
            self._problems.append("the node's power cap was changed")
        return [None if value is None else 10 * value for value in values]

    read_last = read

    def counters(self) -> list[tuple[int, int | None]]:
        """Return the energy counters as they stand."""
        return [
            (column.device, None if value is None else 10 * value)
            for column, file in zip(self.columns, self._files, strict=True)
            if column.quantity.name == "zone_energy" and column.device is not None
            for value in [file.integer()]
        ]

    def problems(self) -> list[str]:
        """Return what happened since the last call."""
        problems, self._problems = self._problems, []
        return problems

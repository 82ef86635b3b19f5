"""What every sensor offers to the sampling loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from yprov_run.model import Column, Device


class SensorUnavailableError(Exception):
    """This machine does not have the source, or does not let us read it; the text says which."""


class Sensor(Protocol):
    """One source of samples, open and ready to read."""

    @property
    def name(self) -> str:
        """The source's name in the trace."""
        ...

    @property
    def columns(self) -> Sequence[Column]:
        """What each value of a reading is."""
        ...

    @property
    def devices(self) -> Sequence[Device]:
        """The devices that the columns belong to."""
        ...

    def read(self) -> list[int | None]:
        """Return one value per column, as stored integers; None where there is no valid value."""
        ...

    def problems(self) -> list[str]:
        """Return what went wrong since the last call, each problem once."""
        ...

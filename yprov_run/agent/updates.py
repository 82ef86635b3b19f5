"""How often energy counters update: what bounds the error of a difference between two readings."""

from __future__ import annotations

from collections.abc import Sequence

from yprov_run.measures import Column

LOOK_S = 0.5  # for so long at most they are watched, at the start
SHORT_JOB_S = 120.0  # at the end of shorter ones too: see trace.events
POLL_S = 0.005
_CHANGES = 3


class UpdateWatch:
    """Sees counters at closely spaced times, and tells the longest time between two updates.

    What a counter shows is the energy up to its last update: at the time of the first look it was
    between what was shown then and what the next update showed. `grown` is the difference.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[float, int]] = {}
        self._changed_s: dict[int, float] = {}
        self._longest_s: dict[int, float] = {}
        self._changes: dict[int, int] = {}
        self.grown: dict[int, int] = {}

    @property
    def is_certain(self) -> bool:
        """Tell whether every counter was seen to update some times."""
        return bool(self._seen) and all(
            self._changes.get(device, 0) >= _CHANGES for device in self._seen
        )

    @property
    def all_grown(self) -> bool:
        """Tell whether every counter was seen to update."""
        return len(self.grown) == len(self._seen)

    def see(self, now_s: float, counters: Sequence[tuple[int, int | None]]) -> None:
        """Take the counters as they stand now."""
        for device, value in counters:
            if value is None:
                continue
            seen = self._seen.get(device)
            self._seen[device] = now_s, value
            if seen is None or seen[1] == value:
                continue
            self.grown.setdefault(device, value - seen[1])
            # It changed after the look before, at which it was older still.
            if device in self._changed_s:
                since_s = now_s - self._changed_s[device]
                self._longest_s[device] = max(self._longest_s.get(device, 0.0), since_s)
            self._changes[device] = self._changes.get(device, 0) + 1
            self._changed_s[device] = seen[0]

    def longest_ms(self) -> dict[int, int]:
        """Return device: longest time between updates, in ms, no less than the truth.

        A counter that was not seen to update twice is not in it.
        """
        return {device: int(1000 * longest) + 1 for device, longest in self._longest_s.items()}


def energies(columns: Sequence[Column], values: Sequence[int | None]) -> list[tuple[int, int]]:
    """Return (device, energy counter) of a reading."""
    return [
        (column.device, value)
        for column, value in zip(columns, values, strict=True)
        if column.device is not None
        and value is not None
        and column.quantity.name.endswith("_energy")
    ]

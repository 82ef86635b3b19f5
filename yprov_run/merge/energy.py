"""Energy of a device, and how wrong it may be.

From its counter where it has one, else from its power. The counter shows the energy up to its last
update: a difference between two readings is wrong by at most what can be drawn between two updates.
The sensor's own calibration is in neither: vendors do not state it for the counter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from yprov_run.merge import fields
from yprov_run.merge.stats import Readings
from yprov_run.model import ColumnStats, Device, Json
from yprov_run.trace.events import LAST_LOOK_S

COUNTER = "energy counter"
TRAPEZOID = "trapezoid of power samples"
MEAN = "its own mean"

X2_J = 0.5e-4  # doubled trapezoid, 0.1 W times ms, to J
_READING_S = 0.002  # a sample's time may be so far from the reading's: see the agent's loop
_ROUNDING_J = 0.1  # each reading
_JITTER_S = 0.005
# Where nobody could see the counter update: the longest that is known of the source.
_LONGEST_UPDATE_S = {"nvml": 0.1, "pm_counters": 0.11, "rapl": 0.01, "amdgpu": 0.01, "i915": 0.01}
_UNKNOWN_UPDATE_S = 0.1
_TILES = 0.01


@dataclass(frozen=True)
class Energy:
    """Joules over an execution, by the best source, within `bound_j` of the truth.

    `estimated_j` is the part before the first and after the last sample, taken from the power
    nearest to it. `second_j` is what the power samples say of the time that the counter covers,
    `disagreement` its share more than the counter. `segments`: stretches of a counter that was
    reset or stood still; what is between them is taken from the power.
    """

    total_j: float
    estimated_j: float
    source: str
    bound_j: float | None = None
    second_j: float | None = None
    disagreement: float | None = None
    segments: int = 1
    update_s: float | None = None


@dataclass(frozen=True)
class Seen:
    """What was sampled of a device: its columns, its running reduction, and the times around."""

    device: Device
    counter: Readings | None
    power: Readings | None
    instant: Readings | None
    figures: Json
    update_ms: int | None
    grown_first_dj: int | None
    grown_last_dj: int | None
    started_ms: int
    ended_ms: int
    interval_s: float
    looked_last: bool = False

    def figure(self, name: str) -> int:
        """Return a figure of the running reduction; 0 where there is none."""
        return fields.integer(self.figures, name) or 0

    @cached_property
    def highest_w(self) -> float:
        """The highest power that was seen in any way."""
        columns = [c.maximum for c in (self.power, self.instant) if c and c.maximum is not None]
        return max(0.0, *columns, self.figure("peak_mw") / 1000)

    @cached_property
    def cap_w(self) -> float:
        """What the device can draw: its limit, else twice the highest that was seen."""
        if self.device.power_limit_w:
            return max(self.device.power_limit_w, self.highest_w)
        counted = self.counted_power
        return 2 * max(self.highest_w, counted.mean if counted and counted.mean else 0.0)

    @cached_property
    def counted_power(self) -> ColumnStats | None:
        """The power by the counter; its highest is a mean between two readings."""
        counted_ms = self.figure("counter_ms")
        if self.counter is None or counted_ms <= 0:
            return None
        mean_w = 100 * self.figure("counter_dj") / counted_ms
        highest_w = max(mean_w, self.figure("peak_mw") / 1000)
        return ColumnStats(self.counter.count, mean_w, highest_w, counted_ms)


def device_energy(seen: Seen) -> Energy | None:
    """Return a device's energy between two trace times; None without any valid sample."""
    counter, power = seen.counter, seen.power
    if counter is not None and counter.count > 1 and seen.figure("counter_ms") > 0:
        return _from_counter(seen, counter)
    if power is not None and power.count and power.integral_s is not None:
        return _from_power(seen, power, power.integral_s)
    return None


def _from_counter(seen: Seen, counter: Readings) -> Energy:
    measured_j = seen.figure("counter_dj") / 10
    mean_w = measured_j / (seen.figure("counter_ms") / 1000)
    by_power_j = seen.figure("bridged_x2") * X2_J
    by_mean_j = seen.figure("unread_ms") / 1000 * mean_w
    bridged_j = by_power_j + by_mean_j
    update_s = _update_s(seen)
    bridged_s = (seen.figure("bridged_ms") + _stopped_ms(seen, update_s)) / 1000
    edges_j, edges_bound_j = _edges(seen, counter, mean_w)
    segments = max(1, seen.figure("segments"))
    shift_j, bound_j = _lag(seen, update_s)
    bound_j += 2 * (segments - 1) * update_s * seen.cap_w + edges_bound_j
    bound_j += max(bridged_j, bridged_s * seen.cap_w - bridged_j)
    paired_j = seen.figure("paired_dj") / 10
    second_j = seen.figure("paired_x2") * X2_J if paired_j else None
    return Energy(
        total_j=measured_j + shift_j + bridged_j + edges_j,
        estimated_j=edges_j,
        source=COUNTER + _where_it_failed(by_power_j, by_mean_j),
        bound_j=bound_j,
        second_j=second_j,
        disagreement=None if second_j is None else second_j / paired_j - 1,
        segments=segments,
        update_s=update_s,
    )


def _stopped_ms(seen: Seen, update_s: float) -> int:
    """Return since when a counter may have stood that moved no more after its last reading."""
    moves_on = seen.grown_last_dj is not None or not seen.looked_last or update_s >= LAST_LOOK_S
    return 0 if moves_on else seen.figure("moved_ms")


def _where_it_failed(by_power_j: float, by_mean_j: float) -> str:
    names = [name for name, energy_j in ((TRAPEZOID, by_power_j), (MEAN, by_mean_j)) if energy_j]
    return f", {' and '.join(names)} where it failed" if names else ""


def _lag(seen: Seen, update_s: float) -> tuple[float, float]:
    """Return what the counter's lag adds to a difference between its first and last reading, and
    how wrong that may be.

    The true count is between what a reading showed and what the next update did, or else what can
    be drawn between two updates.
    """
    power = seen.instant or seen.power
    first_w = power.first if power and power.first is not None else seen.cap_w / 2
    last_w = power.last if power and power.last is not None else seen.cap_w / 2
    most_j = update_s * seen.cap_w
    ends = []
    for grown_dj, power_w in ((seen.grown_first_dj, first_w), (seen.grown_last_dj, last_w)):
        if grown_dj is not None:
            ends.append((grown_dj / 10, grown_dj / 20))
        else:
            ends.append((most_j, min(most_j, update_s * power_w) / 2))
    (high_first, first), (high_last, last) = ends
    shift_j = last - first
    bound_j = max(shift_j + high_first, high_last - shift_j)
    return shift_j, bound_j + 2 * (_READING_S * seen.cap_w + _ROUNDING_J)


def _update_s(seen: Seen) -> float:
    """Return the longest time between two updates, as seen; else the longest known."""
    update_s = _LONGEST_UPDATE_S.get(seen.device.source, _UNKNOWN_UPDATE_S)
    if seen.update_ms is not None:
        update_s = seen.update_ms / 1000
    still_s = seen.figure("still_ms") / 1000
    if still_s <= update_s + 2 * _READING_S:
        return update_s
    # It last moved up to an interval before that, and moved on up to one after it.
    return still_s + 2 * seen.interval_s


def _from_power(seen: Seen, power: Readings, integral_j: float) -> Energy:
    edges_j, edges_bound_j = _edges(seen, power, power.mean or 0.0)
    spread_j = _trapezoid_bound(seen, power)
    return Energy(
        total_j=integral_j + edges_j,
        estimated_j=edges_j,
        source=TRAPEZOID,
        bound_j=None if spread_j is None else spread_j + edges_bound_j,
    )


def _trapezoid_bound(seen: Seen, power: Readings) -> float | None:
    """Return by how much a trapezoid may be off; None where power between samples is unknown.

    Means over a window that the samples tile leave nothing out but at both ends; samples that are
    a little late leave out, or count twice, as much as they are late. A gap that is no hole counts
    as covered, and leaves out as much as it is longer than an interval.
    """
    window_s = seen.device.power_window_s
    if not window_s or seen.interval_s > window_s * (1 + _TILES):
        return None
    ratio = window_s / seen.interval_s
    if abs(ratio - round(ratio)) > _TILES * ratio:
        return None
    span_s = ((power.last_ms or 0) - (power.first_ms or 0)) / 1000
    holes_s = max(0.0, span_s - power.covered_ms / 1000)
    late_s = span_s * _JITTER_S / window_s
    missed_s = _missed_s(power, holes_s, seen.interval_s, window_s)
    return (window_s + seen.interval_s + holes_s + missed_s + late_s) * seen.cap_w


def _missed_s(power: Readings, holes_s: float, interval_s: float, window_s: float) -> float:
    """Return how long what was drawn may have been counted wrongly, as samples are missing.

    The trapezoid gives a missing sample's share to its neighbours. Windows longer than the interval
    overlap, so that these see a part of what it would have shown.
    """
    longest_s = max(1.0, 3 * interval_s)  # of what is no hole: see trace.reduction
    gaps = power.count - 1 - int(holes_s / longest_s)  # each hole is longer, and lies between two
    missing_s = max(0.0, power.covered_ms / 1000 - gaps * interval_s)
    return missing_s * min(1.0, (longest_s + interval_s) / (3 * window_s))


def _edges(seen: Seen, measured: Readings, mean_w: float) -> tuple[float, float]:
    """Return the energy before the first and after the last sample, and how wrong it may be."""
    power = seen.instant or seen.power  # a mean of the second before tells less of a moment
    first_w = power.first if power and power.first is not None else mean_w
    last_w = power.last if power and power.last is not None else mean_w
    head_s = max(0, (measured.first_ms or 0) - seen.started_ms) / 1000
    tail_s = max(0, seen.ended_ms - (measured.last_ms or 0)) / 1000
    cap_w = seen.cap_w
    bound_j = head_s * max(first_w, cap_w - first_w) + tail_s * max(last_w, cap_w - last_w)
    return head_s * first_w + tail_s * last_w, bound_j

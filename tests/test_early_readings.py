"""What is read before every driver has opened: it is in the record as if all had opened at once."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.faketime import FakeTime, FakeWatch
from tests.support.slurm import wait_until
from yprov_run.agent.isolate import IsolatedSensor
from yprov_run.agent.loop import Agent
from yprov_run.agent.sensors.base import Joined
from yprov_run.agent.written import NodeTrace
from yprov_run.jobdir import NodeFiles
from yprov_run.merge.node import read_node
from yprov_run.model import QUANTITIES, Column, Device, NodeExecution
from yprov_run.trace import events

KEY = "n1-00000000"
POWER_W = 2000
UPDATE_S = 0.02


class Meter:
    """A device that draws a known power, and whose counter shows it every 20 ms."""

    columns = (Column(QUANTITIES["gpu_energy"], 0), Column(QUANTITIES["gpu_power"], 0))

    def __init__(self, name: str, time: FakeTime) -> None:
        self.name = name
        self.devices = (Device(0, f"GPU-{name}", name, power_limit_w=2.0 * POWER_W),)
        self._time = time

    def _energy_dj(self) -> int:
        return round(self._time.now_s // UPDATE_S * UPDATE_S * POWER_W * 10)

    def read(self) -> list[int | None]:
        return [self._energy_dj(), POWER_W * 10]

    read_last = read

    def counters(self) -> list[tuple[int, int | None]]:
        self._time.now_s += 0.005
        return [(0, self._energy_dj())]

    def problems(self) -> list[str]:
        return []


class Driver:
    """A driver that opens when it is told to."""

    def __init__(self, name: str, time: FakeTime, opens_at_s: float) -> None:
        self.opens_at_s = opens_at_s
        self.may_open = threading.Event()
        self._was_watched = False

        def open_it() -> Meter:
            self.may_open.wait()
            return Meter(name, time)

        self.sensor = IsolatedSensor(name, open_it, lambda: time.now_s)

    def open_now(self) -> None:
        """Let it open; a watch is woken by that."""
        self.may_open.set()
        wait_until(lambda: self.sensor.is_open and not self.sensor.is_reading, "the driver", 10)

    def wait_until_quiet(self) -> None:
        """Return when nothing goes on in its thread, which moves the time while it observes."""
        wait_until(self._is_quiet, "a reading", 10)

    def _is_quiet(self) -> bool:
        self._was_watched = self._was_watched or self.sensor.updates is not None
        return not self.sensor.is_reading and self._was_watched


class Patient(FakeWatch):
    """A task beside drivers that open in its course, or never."""

    def __init__(self, time: FakeTime, lives_s: float, drivers: Sequence[Driver]) -> None:
        super().__init__(time, lives_s)
        self._time = time
        self._drivers = drivers

    def wait(self, timeout_s: float, wakeup_fds: Sequence[int]) -> None:
        for driver in self._drivers:
            if driver.may_open.is_set():
                driver.wait_until_quiet()
        closed = [driver for driver in self._drivers if not driver.may_open.is_set()]
        until_s = min((driver.opens_at_s for driver in closed), default=math.inf)
        super().wait(min(timeout_s, until_s - self._time.now_s), wakeup_fds)
        for driver in closed:
            if self._time.now_s >= driver.opens_at_s:
                driver.open_now()


def _ran(folder: Path, lives_s: float, opens_s: float, open_first: bool = False) -> NodeExecution:
    """Run an agent beside a fast and a slow driver; return what its record says of the node."""
    time = FakeTime()
    clock = time.clock()
    trace = NodeTrace(str(folder / KEY), clock)
    trace.event(events.NODE, name="n1", utc_ms_at_zero=round(time.now_s * 1000), interval_s=1.0)
    drivers = [Driver("fast", time, time.now_s), Driver("slow", time, time.now_s + opens_s)]
    watch = Patient(time, lives_s, drivers)
    sensors = [driver.sensor for driver in drivers]
    if open_first:
        drivers[0].open_now()
    agent = Agent(trace, watch, Joined([]), sensors, 1.0, clock, lambda seconds: None)
    agent.run(4242)
    for driver in drivers:
        driver.may_open.set()
    node, _ = read_node(NodeFiles(folder, KEY), folder, None)
    return node


@pytest.mark.parametrize("opens_s", [1.3, 3.9])
def test_a_driver_that_opens_slowly_costs_the_energy_of_no_other(
    opens_s: float, tmp_path: Path
) -> None:
    fast, slow = _ran(tmp_path, 4.0, opens_s).devices
    assert fast.energy_j is not None
    truth_j = 4 * POWER_W
    assert fast.energy_j == pytest.approx(truth_j, rel=0.02)
    assert fast.energy_bound_j is not None
    assert abs(fast.energy_j - truth_j) <= fast.energy_bound_j < 0.15 * truth_j
    assert (fast.energy_estimated_j or 0.0) < 0.05 * truth_j
    assert slow.energy_j is not None


def test_a_driver_is_read_once_when_it_opens_and_not_when_another_does(tmp_path: Path) -> None:
    _ran(tmp_path, 4.0, 1.3)
    rows = [line.split(",") for line in (tmp_path / f"{KEY}.samples.csv").read_text().splitlines()]
    fast_ms = [int(row[0]) for row in rows[1:] if row[1]]
    assert len(fast_ms) == len({ms // 100 for ms in fast_ms}) == 5  # four and the last
    assert not [ms for ms in fast_ms if 1200 < ms < 1500]


def test_a_driver_that_is_open_at_the_first_sample_is_read_once(tmp_path: Path) -> None:
    _ran(tmp_path, 0.9, 100.0, open_first=True)
    rows = [line.split(",") for line in (tmp_path / f"{KEY}.samples.csv").read_text().splitlines()]
    assert len([row for row in rows[1:] if row[1]]) == 2  # the first and the last


def test_a_reading_does_not_end_the_watch_for_the_next_updates() -> None:
    time = FakeTime()

    class Eager(Meter):
        def counters(self) -> list[tuple[int, int | None]]:
            sensor.request()
            return super().counters()

    sensor = IsolatedSensor("eager", lambda: Eager("eager", time), lambda: time.now_s)
    wait_until(lambda: sensor.is_open and not sensor.is_reading, "the driver", 10)
    sensor.request()
    wait_until(lambda: sensor.updates is not None, "the watch", 10)
    assert sensor.updates is not None
    assert 20 <= sensor.updates.longest_ms()[0] <= 32


def test_a_driver_that_never_opens_costs_the_energy_of_no_other(tmp_path: Path) -> None:
    (fast,) = _ran(tmp_path, 3.0, 100.0).devices
    assert fast.energy_j == pytest.approx(3 * POWER_W, rel=0.02)
    assert fast.coverage is not None
    assert fast.coverage > 0.9


def test_the_first_reading_is_the_one_whose_next_update_was_watched(tmp_path: Path) -> None:
    _ran(tmp_path, 4.0, 1.3)
    lines = (tmp_path / f"{KEY}.events.jsonl").read_text().splitlines()
    updates = [event for event in map(json.loads, lines) if event["event"] == events.UPDATES]
    assert [event["at"] for event in updates if event["grown_dj"].get("0")][:1] == ["start"]
    rows = (tmp_path / f"{KEY}.samples.csv").read_text().splitlines()[1:]
    times_and_counts = [(int(row.split(",")[0]), row.split(",")[1]) for row in rows]
    time_ms, counted = next(pair for pair in times_and_counts if pair[1])
    assert time_ms < 200
    assert counted == "0"

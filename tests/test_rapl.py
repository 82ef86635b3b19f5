"""RAPL's counters, which go round in minutes: followed between samples, or named as unknown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.faketime import FakeTime, FakeWatch
from tests.support.machines import Machine
from yprov_run.agent.loop import Agent
from yprov_run.agent.sensors.base import Joined
from yprov_run.agent.sensors.rapl import RaplSensor
from yprov_run.agent.written import NodeTrace
from yprov_run.jobdir import NodeFiles
from yprov_run.merge.node import read_node
from yprov_run.model import NodeExecution
from yprov_run.trace import events

RANGE_UJ = 65_532_610_987
ZONE = "sys/class/powercap/intel-rapl:0"
POWER_W = 400
KEY = "n1-00000000"


class Server:
    """A node with one package as AMD's: no limit, round after 65.5 kJ; it draws a known power."""

    def __init__(self, folder: Path) -> None:
        for file, content in (
            ("name", "package-0"), ("energy_uj", "0"), ("max_energy_range_uj", str(RANGE_UJ)),
        ):  # fmt: skip
            (folder / ZONE).mkdir(parents=True, exist_ok=True)
            (folder / ZONE / file).write_text(content)
        self._counter = folder / ZONE / "energy_uj"
        self.time = FakeTime()
        self._began_s = self.time.now_s
        self.sensor = RaplSensor(str(folder / "sys"), lambda: self.time.now_s)

    def after(self, seconds: float) -> None:
        """Let time pass."""
        self.time.now_s += seconds
        self.show()

    def show(self) -> None:
        """Let the counter say what it says by now."""
        drawn_uj = round((self.time.now_s - self._began_s) * POWER_W * 1e6)
        self._counter.write_text(str(drawn_uj % RANGE_UJ))

    def read_j(self) -> float:
        """Return the zone's energy as it is read now."""
        (value,) = self.sensor.read()
        assert value is not None
        return value / 10


def test_a_zone_that_is_read_in_time_runs_on_where_it_starts_again(tmp_path: Path) -> None:
    server = Server(tmp_path)
    for _ in range(60):
        server.after(60)
        server.read_j()
    assert server.read_j() == pytest.approx(3600 * POWER_W)
    assert server.sensor.problems() == []


def test_a_zone_without_a_limit_that_is_read_too_late_goes_back_and_is_named_once(
    tmp_path: Path,
) -> None:
    server = Server(tmp_path)
    server.after(10)
    assert server.read_j() == 4000
    for _ in range(2):
        before_j = server.read_j()
        server.after(300)
        assert server.read_j() < before_j
        begun_j = server.read_j()
        server.after(1)
        assert server.read_j() - begun_j == pytest.approx(POWER_W)
    (problem,) = server.sensor.problems()
    assert problem.startswith("package-0: not read for 300 s")


def test_a_zone_is_followed_between_readings_as_often_as_it_may_go_round(tmp_path: Path) -> None:
    server = Server(tmp_path)
    began_s = server.time.now_s
    turns = 0
    while server.time.now_s < began_s + 3600:
        due_s = server.sensor.catch_up(server.time.now_s)
        assert due_s > server.time.now_s
        server.after(due_s - server.time.now_s)
        turns += 1
    server.sensor.catch_up(server.time.now_s)
    assert server.read_j() == pytest.approx((server.time.now_s - began_s) * POWER_W, rel=1e-6)
    assert server.sensor.problems() == []
    assert turns < 3600 / 10


def test_what_was_drawn_over_a_break_between_readings_is_not_taken_for_known(
    tmp_path: Path,
) -> None:
    server = Server(tmp_path)
    server.after(10)
    before_j = server.read_j()
    server.after(300)  # the job was stopped
    server.sensor.catch_up(server.time.now_s)
    for _ in range(8):
        server.after(10)
        server.sensor.catch_up(server.time.now_s)
    assert server.read_j() < before_j


def test_a_reading_that_fails_loses_nothing_of_the_next(tmp_path: Path) -> None:
    laptop = Machine("laptop_rapl", tmp_path)
    sensor = RaplSensor(laptop.sys)
    laptop.write(f"{ZONE}/energy_uj", "262143100000")
    before = sensor.read()[0]
    laptop.write(f"{ZONE}/energy_uj", "")
    assert sensor.read()[0] is None
    laptop.write(f"{ZONE}/energy_uj", "262143300000")
    after = sensor.read()[0]
    assert before is not None
    assert after is not None
    assert after - before == (262143300000 - 262143100000) // 100_000


class Drawing(FakeWatch):
    """A task whose node's counter runs while it is waited for, and that may be stopped once."""

    def __init__(self, server: Server, lives_s: float, stopped_s: float) -> None:
        super().__init__(server.time, lives_s)
        self._server = server
        self._stopped_s = stopped_s

    def wait(self, timeout_s: float, wakeup_fds: Sequence[int]) -> None:
        super().wait(max(timeout_s, self._stopped_s), wakeup_fds)
        self._stopped_s = 0.0
        self._server.show()


def _sampled(
    folder: Path, interval_s: float, stopped_s: float = 0.0
) -> tuple[NodeExecution, list[str]]:
    """Run an agent for an hour of fake time; return what its record says, and lacks."""
    server = Server(folder)
    clock = server.time.clock()
    trace = NodeTrace(str(folder / KEY), clock)
    trace.event(events.NODE, name="n1", utc_ms_at_zero=0, interval_s=interval_s)
    host = Joined([server.sensor], hasty=[server.sensor])
    watch = Drawing(server, 3600, stopped_s)
    agent = Agent(trace, watch, host, [], interval_s, clock, lambda seconds: None)
    agent.catch_up = host.catch_up
    agent.run(4242)
    return read_node(NodeFiles(folder, KEY), folder, None)


@pytest.mark.parametrize("interval_s", [1.0, 300.0])
def test_the_energy_of_a_long_interval_is_that_of_a_short_one(
    interval_s: float, tmp_path: Path
) -> None:
    node, gaps = _sampled(tmp_path, interval_s)
    (zone,) = node.zones
    assert not [gap for gap in gaps if "package-0" in gap]
    assert zone.energy_j == pytest.approx(3600 * POWER_W, abs=1)
    assert (zone.energy_segments, zone.coverage) == (1, 1.0)
    assert zone.power is not None
    assert (zone.power.mean, zone.peak_power_w) == pytest.approx((POWER_W, POWER_W), rel=0.001)


@pytest.mark.parametrize("interval_s", [10.0, 300.0])
def test_an_agent_that_was_stopped_for_long_states_a_bound_and_a_coverage_that_say_so(
    interval_s: float, tmp_path: Path
) -> None:
    node, gaps = _sampled(tmp_path, interval_s, stopped_s=600)
    (zone,) = node.zones
    assert [gap for gap in gaps if gap.startswith("rapl: package-0: not read for 600 s")]
    assert zone.energy_j == pytest.approx(3600 * POWER_W, rel=0.01)
    assert zone.energy_bound_j is not None
    assert zone.energy_bound_j > 600 * POWER_W / 2
    assert zone.energy_segments == 2
    assert zone.coverage is not None
    assert zone.coverage < 0.85

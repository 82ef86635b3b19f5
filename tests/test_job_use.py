"""What the job itself used, from its first moment to its last, in jobs of seconds too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.faketime import FakeTime, FakeWatch
from tests.support.machines import Machine
from yprov_run.agent.loop import Agent
from yprov_run.agent.sensors.base import Joined, Lasting
from yprov_run.agent.sensors.host import HostSensor
from yprov_run.agent.sensors.job import JobSensor
from yprov_run.agent.written import NodeTrace
from yprov_run.jobdir import NodeFiles
from yprov_run.merge import fields
from yprov_run.merge.node import read_node
from yprov_run.merge.stats import stats
from yprov_run.model import QUANTITIES, Column
from yprov_run.trace import events
from yprov_run.trace.reduction import Reduction

KEY = "n1-00000000"
PID = 77
TICKS_A_SECOND = 100


def _lay_process(proc: str, ticks: int, written: int, state: str = "R") -> None:
    """Let there be a process that has used so much CPU time and written so many bytes."""
    folder = Path(proc, str(PID))
    (folder / f"task/{PID}").mkdir(parents=True, exist_ok=True)
    fields = [state, *["0"] * 10, str(ticks), "0", "0", "0", *["0"] * 6, "2560"]
    (folder / "stat").write_text(f"{PID} (work) {' '.join(fields)}\n")
    (folder / "io").write_text(f"rchar: 0\nwchar: {written}\n")
    (folder / f"task/{PID}/children").write_text("")


def test_processes_are_read_at_each_of_the_first_samples_and_then_in_turn(tmp_path: Path) -> None:
    vm = Machine("vm", tmp_path)
    _lay_process(vm.proc, 0, 0)
    sensor = JobSensor(lambda: [PID], vm.proc, vm.sys)
    are_read = [sensor.read()[0] is not None for _ in range(24)]
    assert are_read == [True] * 16 + [True, False, False, False] * 2


def test_what_processes_used_before_the_first_sample_counts(tmp_path: Path) -> None:
    vm = Machine("vm", tmp_path)
    _lay_process(vm.proc, 50, 3 << 20)
    sensor = JobSensor(lambda: [PID], vm.proc, vm.sys)
    assert sensor.read()[2:] == [0, 0, 0]
    assert sensor.read()[2:] == [500, 0, 3 << 10]


class Working(FakeWatch):
    """A task whose node's files change while time passes."""

    def __init__(self, time: FakeTime, lives_s: float, show: Callable[[float], None]) -> None:
        super().__init__(time, lives_s)
        self._time = time
        self._began_s = time.now_s
        self._show = show

    def wait(self, timeout_s: float, wakeup_fds: Sequence[int]) -> None:
        super().wait(timeout_s, wakeup_fds)
        self._show(self._time.now_s - self._began_s)


def _grown(
    folder: Path, sensor: Lasting, lives_s: float, show: Callable[[float], None]
) -> dict[str, float]:
    """Run an agent in fake time; return by how much each counter of the node grew, by quantity."""
    time = FakeTime()
    clock = time.clock()
    trace = NodeTrace(str(folder / KEY), clock)
    trace.event(events.NODE, name="n1", utc_ms_at_zero=0, interval_s=1.0)
    host = Joined([sensor], lasting=[sensor])
    watch = Working(time, lives_s, show)
    agent = Agent(trace, watch, host, [], 1.0, clock, lambda seconds: None)
    agent.read_rest = host.read_rest
    agent.run(PID)
    node, _ = read_node(NodeFiles(folder, KEY), folder, None)
    assert node.complete
    return {column.quantity.name: found.increase or 0.0 for column, found in node.host}


def test_a_job_of_three_seconds_without_a_group_tells_its_cpu_time_and_what_it_wrote(
    tmp_path: Path,
) -> None:
    vm = Machine("vm", tmp_path)

    def show(at_s: float) -> None:
        state = "Z" if at_s >= 3 else "R"
        _lay_process(vm.proc, round(at_s * TICKS_A_SECOND), round(at_s * 70_000_000), state)

    show(0.0)
    grown = _grown(tmp_path, JobSensor(lambda: [PID], vm.proc, vm.sys), 3.0, show)
    assert grown["job_cpu"] == pytest.approx(3.0)
    assert grown["job_written"] == pytest.approx(210_000_000, rel=1e-4)


def test_processes_that_are_gone_at_the_end_leave_what_was_read_before(tmp_path: Path) -> None:
    vm = Machine("vm", tmp_path)

    def show(at_s: float) -> None:
        if at_s < 3:
            _lay_process(vm.proc, round(at_s * TICKS_A_SECOND), 0)
        else:
            shutil.rmtree(Path(vm.proc, str(PID)))

    show(0.0)
    grown = _grown(tmp_path, JobSensor(lambda: [PID], vm.proc, vm.sys), 3.0, show)
    assert grown["job_cpu"] == pytest.approx(2.0)


JOB_GROUP = "sys/fs/cgroup/system.slice/slurmstepd.scope/job_31"


def test_the_last_moments_of_a_group_count(tmp_path: Path) -> None:
    node = Machine("gh200", tmp_path)

    def show(at_s: float) -> None:
        node.write(f"{JOB_GROUP}/cpu.stat", f"usage_usec {5_000_000 + round(at_s * 1e6)}\n")

    grown = _grown(tmp_path, JobSensor(list, node.proc, node.sys), 3.9, show)
    assert grown["job_cpu"] == pytest.approx(3.9)


def test_a_group_that_is_gone_at_the_end_costs_nothing_else(tmp_path: Path) -> None:
    node = Machine("gh200", tmp_path)

    def show(at_s: float) -> None:
        # What the kernel says of an open file of a group that is no more: nothing.
        content = f"usage_usec {5_000_000 + round(at_s * 1e6)}\n" if at_s < 3.5 else ""
        node.write(f"{JOB_GROUP}/cpu.stat", content)

    grown = _grown(tmp_path, JobSensor(list, node.proc, node.sys), 3.9, show)
    assert grown["job_cpu"] == pytest.approx(3.0)


def test_a_group_that_tells_nothing_any_more_is_an_empty_cell_and_not_zero(tmp_path: Path) -> None:
    node = Machine("gh200", tmp_path)
    sensor = JobSensor(list, node.proc, node.sys)
    assert sensor.read()[2] == 5000
    node.write(f"{JOB_GROUP}/cpu.stat", "")
    assert sensor.read()[2] is None


def test_the_last_moments_of_disk_and_network_count(tmp_path: Path) -> None:
    vm = Machine("vm", tmp_path)
    disks, cards = (Path(vm.proc, name).read_text() for name in ("diskstats", "net/dev"))

    def show(at_s: float) -> None:
        sectors = 4096000 + round(at_s * 10 * 2048)
        vm.write("proc/diskstats", disks.replace("4096000 20", f"{sectors} 20"))
        count = 52428800 + round(at_s * 10 * (1 << 20))
        vm.write("proc/net/dev", cards.replace("52428800", str(count)))

    grown = _grown(tmp_path, HostSensor(vm.proc, vm.sys), 7.9, show)
    assert grown["disk_written"] == pytest.approx(79 << 20)
    assert grown["net_sent"] == pytest.approx(79 << 20)


def test_the_last_row_of_powers_is_on_disk_before_anything_else_is_read(tmp_path: Path) -> None:
    time = FakeTime()
    trace = NodeTrace(str(tmp_path / KEY), time.clock())
    samples = tmp_path / f"{KEY}.samples.csv"
    last_times = []

    def rest() -> list[int | None]:
        last_times.append(int(samples.read_text().splitlines()[-1].split(",")[0]))
        return [None] * len(host.columns)

    host = Joined([HostSensor(Machine("vm", tmp_path).proc)])
    agent = Agent(trace, FakeWatch(time, 1.5), host, [], 1.0, time.clock(), lambda seconds: None)
    agent.read_rest = rest
    agent.run(PID)
    assert last_times == [1500]
    assert json.loads((tmp_path / f"{KEY}.events.jsonl").read_text().splitlines()[-1])["rows"] == 3


@pytest.mark.parametrize("name", ["cpu_busy", "cpu_iowait", "gpu_sm_busy"])
def test_a_mean_since_the_look_before_counts_for_the_time_since_then(name: str) -> None:
    column = Column(QUANTITIES[name], 0 if name.startswith("gpu") else None)
    reduction = Reduction([column], 10.0)
    for time_ms, value in ((10, 1000), (9310, 821), (10310, 500)):
        reduction.add(time_ms, [value])
    found = stats(column, fields.mapping(reduction.as_json(), "columns")[column.name])
    assert found is not None
    assert found.mean is not None
    assert found.mean / column.quantity.factor == pytest.approx((9300 * 821 + 1000 * 500) / 10300)

"""The node agent: deadlines that do not drift, sensors that fail alone, and little else loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.commands import environment
from tests.support.faketime import FakeTime, FakeWatch
from tests.support.slurm import wait_until
from yprov_run.agent.isolate import IsolatedSensor
from yprov_run.agent.loop import Agent
from yprov_run.agent.sensors.base import SensorUnavailableError
from yprov_run.agent.watch import TaskWatch, parse_announcement
from yprov_run.agent.written import NodeTrace
from yprov_run.launch.plan import import_path
from yprov_run.model import QUANTITIES, Column, Device
from yprov_run.trace import samples

LEADER = 4242


class SlowHost:
    """A host whose every reading takes some time."""

    name = "host"
    columns = (Column(QUANTITIES["cpu_busy"]), Column(QUANTITIES["memory_used"]))
    devices: Sequence[Device] = ()

    def __init__(self, time: FakeTime, takes: Callable[[int], float]) -> None:
        self._time = time
        self._takes = takes
        self.readings = 0

    def read(self) -> list[int | None]:
        self.readings += 1
        self._time.now_s += self._takes(self.readings)
        return [500, 1000]

    read_last = read

    def counters(self) -> list[tuple[int, int | None]]:
        return []

    def problems(self) -> list[str]:
        return []


def _sampled(
    folder: Path, lives_s: float, interval_s: float, takes: Callable[[int], float]
) -> tuple[list[int], dict[str, object]]:
    """Run an agent in fake time; return the times of its rows and its last event."""
    time = FakeTime()
    base = str(folder / "node")
    agent = Agent(
        NodeTrace(base, time.clock()),
        FakeWatch(time, lives_s),
        SlowHost(time, takes),
        [],
        interval_s,
        time.clock(),
        lambda seconds: None,
    )
    agent.run(LEADER)
    rows = [
        row[0] for row in samples.read_rows(Path(base + ".samples.csv"), 2, samples.ReadReport())
    ]
    last = json.loads(Path(base + ".events.jsonl").read_text().splitlines()[-1])
    return rows, last


def test_a_slow_reading_does_not_move_the_following_deadlines(tmp_path: Path) -> None:
    times, last = _sampled(tmp_path, 100.0, 1.0, lambda n: 0.3)
    assert times == [*range(0, 100_000, 1000), 100_000]
    assert last["skipped_samples"] == 0


def test_deadlines_that_passed_during_a_reading_are_skipped_and_counted(tmp_path: Path) -> None:
    times, last = _sampled(tmp_path, 10.0, 1.0, lambda n: 3.5 if n == 3 else 0.0)
    assert times == [0, 1000, 2000, 6000, 7000, 8000, 9000, 10_000]
    assert last["skipped_samples"] == 3


@pytest.mark.parametrize("interval_s", [0.1, 0.25, 1.0, 7.0])
def test_a_long_job_has_as_many_samples_as_it_has_intervals(
    interval_s: float, tmp_path: Path
) -> None:
    times, _ = _sampled(tmp_path, 1000.0, interval_s, lambda n: 0.001)
    assert abs(len(times) - 1000.0 / interval_s) <= 2


class Stub:
    """A sensor of one column, whose reading is up to the test."""

    name = "stub"
    columns = (Column(QUANTITIES["gpu_power"], 0),)
    devices = (Device(0, "GPU-1", "stub"),)

    def __init__(self, reading: Callable[[], list[int | None]]) -> None:
        self.read = self.read_last = reading

    def counters(self) -> list[tuple[int, int | None]]:
        return []

    def problems(self) -> list[str]:
        return []


def test_a_sensor_that_blocks_is_given_up_and_named_once() -> None:
    now = [0.0]
    never = threading.Event()

    def block() -> list[int | None]:
        never.wait()
        return []

    sensor = IsolatedSensor("stub", lambda: Stub(block), lambda: now[0])
    wait_until(lambda: sensor.is_open, "the sensor", 5)
    sensor.request()
    now[0] = 4.9
    assert sensor.check() == []
    now[0] = 5.1
    assert sensor.check() == ["stub: reading it blocked for more than 5 s"]
    assert sensor.check() == []
    assert sensor.lost
    never.set()


@pytest.mark.parametrize(
    ("error", "words"),
    [(SensorUnavailableError("no such device"), "no such device"), (KeyError("x"), "KeyError")],
)
def test_a_sensor_that_cannot_be_opened_is_named(error: Exception, words: str) -> None:
    def fail() -> Stub:
        raise error

    sensor = IsolatedSensor("stub", fail, lambda: 0.0)
    wait_until(lambda: sensor.settled, "the sensor", 5)
    assert [problem for problem in sensor.check() if words in problem]


def _asked(sensor: IsolatedSensor) -> list[int | None] | None:
    """Ask for a reading, and return its values; None where it failed."""
    sensor.request()
    wait_until(lambda: not sensor.is_reading, "the reading", 5)
    reading = sensor.take()
    return None if reading is None else reading[1]


def _opened(stub: Stub, now: Callable[[], float] = lambda: 0.0) -> IsolatedSensor:
    sensor = IsolatedSensor("stub", lambda: stub, now)
    wait_until(lambda: sensor.is_open and not sensor.is_reading, "the sensor", 5)
    sensor.take()  # the word that it is open
    return sensor


def _failing(fails: Callable[[int], bool]) -> Callable[[], list[int | None]]:
    """Return a reading that fails at those of its numbers, counted from 1."""
    count = [0]

    def read() -> list[int | None]:
        count[0] += 1
        if fails(count[0]):
            raise ValueError("garbage")
        return [count[0]]

    return read


def test_a_reading_that_raises_costs_that_reading_only_and_is_named_once() -> None:
    sensor = _opened(Stub(_failing(lambda number: number % 3 != 0)))
    assert [_asked(sensor) for _ in range(9)] == [None, None, [3], None, None, [6], None, None, [9]]
    assert sensor.check() == ["stub: a reading failed: ValueError: garbage"]
    assert not sensor.lost


def test_a_sensor_whose_readings_keep_raising_is_lost_and_named() -> None:
    sensor = _opened(Stub(_failing(lambda number: number > 2)))
    assert [_asked(sensor) for _ in range(7)] == [[1], [2], *[None] * 5]
    wait_until(lambda: bool(sensor.lost), "its loss", 5)
    assert sensor.check() == [
        "stub: a reading failed: ValueError: garbage",
        "stub: 5 readings in a row failed: ValueError: garbage",
    ]
    assert sensor.read_here() is None


def test_last_words_that_raise_cost_nothing_else() -> None:
    sensor = _opened(Stub(_failing(lambda number: True)))
    assert sensor.read_here() is None
    assert sensor.check() == ["stub: a reading failed: ValueError: garbage"]


def test_a_slow_driver_is_read_less_often_and_the_record_says_so() -> None:
    now = [0.0]
    read_s = []

    def slow() -> list[int | None]:
        read_s.append(now[0])
        now[0] += 0.05
        return [1]

    sensor = IsolatedSensor("stub", lambda: Stub(slow), lambda: now[0])
    wait_until(lambda: sensor.is_open and not sensor.is_reading, "the sensor", 5)
    for tick in range(100):
        now[0] = max(now[0], tick * 0.1)
        sensor.request()
        wait_until(lambda: not sensor.is_reading, "the reading", 5)
        sensor.take()
    # A reading of 50 ms, at most a tenth of the time: every 0.5 s, on a grid of 0.1 s.
    assert min(after - before for before, after in pairwise(read_s[2:])) > 0.49
    assert 15 <= len(read_s) <= 24
    assert [p for p in sensor.check() if p == "stub: a reading takes 50 ms: it is read less often"]


@pytest.mark.parametrize(
    ("line", "task"),
    [
        (b"task 3 1 77 0,1", (3, 1, 77, "0,1")),
        (b"task - - 77 -", (None, None, 77, "")),
        (b"task 0 0 0 -", None),
        (b"task 0 0 99999999999999999999 -", None),
        (b"task 0 0", None),
        (b"Traceback (most recent call last):", None),
        (b"\xff\x00", None),
    ],
)
def test_a_task_announces_itself_in_one_line(
    line: bytes, task: tuple[int | None, int | None, int, str] | None
) -> None:
    found = parse_announcement(line)
    seen = found and (found.rank, found.local_rank, found.pid, found.visible_gpus)
    assert seen == task


def test_the_exit_status_of_a_process_that_is_not_our_child_is_seen(tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    # The shell between is the parent, and reaps.
    parent = subprocess.Popen(
        ["sh", "-c", f"sh -c 'echo task 0 0 $$ - >{tasks}; read go; exit 7' & wait; read end"],
        stdin=subprocess.PIPE,
    )
    assert parent.stdin
    watch = TaskWatch(tasks)
    wait_until(lambda: tasks.exists() and tasks.read_text().endswith("\n"), "the task", 5)
    watch.refresh()
    # A background command reads from /dev/null, so that it is gone by now or soon.
    wait_until(watch.all_gone, "its end", 5)
    ended = watch.reap()
    watch.settle(ended)
    parent.stdin.close()
    parent.wait(10)
    (task,) = watch.tasks
    if task.wait_status is not None:  # older kernels do not tell
        assert os.waitstatus_to_exitcode(task.wait_status) == 7
    assert task.ended


def test_the_agent_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys, os; sys.path[:0] = sys.argv[1].split(':')\n"
        "from yprov_run.agent import main\n"
        "os._exit = lambda status: print(' '.join(sorted(sys.modules)))\n"
        "sys.stdout.flush(); main._leave_the_task = lambda: None\n"
        "main.main([sys.argv[2], '999999', 'local', '1'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, ":".join(import_path()), str(tmp_path / "n")],
        capture_output=True, text=True, env=environment(), check=True, timeout=30,
    )  # fmt: skip
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "yprov_run" in loaded
    assert not loaded & {
        "typer", "rich", "prov", "yaml", "psutil", "subprocess", "asyncio", "numpy", "email",
        "importlib_metadata", "site",
    }  # fmt: skip

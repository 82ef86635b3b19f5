"""The sampling loop: absolute deadlines, one row a sample, until the node's last task has ended."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable, Sequence
from dataclasses import asdict

from yprov_run.agent.isolate import IsolatedSensor
from yprov_run.agent.notes import Notes
from yprov_run.agent.rows import Rows
from yprov_run.agent.sensors.base import Sensor
from yprov_run.agent.updates import SHORT_JOB_S, energies
from yprov_run.agent.watch import TaskWatch, WatchedTask
from yprov_run.agent.workers import WorkerFinder
from yprov_run.agent.written import Clock, NodeTrace, peak_rss_kib
from yprov_run.trace import events

_TOGETHER_S = 0.1  # how long a row waits for a slow sensor before it goes without
READ_TOGETHER_S = 0.002  # a row's values were read within that after its time
_LAST_WORDS_S = 0.8  # the agent is gone so soon after its last task, whatever hangs
_SEEK_WORKERS_S = 0.9


class Agent:
    """Samples a node's sensors while its tasks run.

    `deadman` takes seconds after which this process dies unless it is called again; 0: never.
    """

    def __init__(
        self,
        trace: NodeTrace,
        watch: TaskWatch,
        host: Sensor,
        isolated: Sequence[IsolatedSensor],
        interval_s: float,
        clock: Clock,
        deadman: Callable[[float], object],
    ) -> None:
        self._deadman = deadman
        self._trace = trace
        self._watch = watch
        self._host = host
        self._isolated = isolated
        self._interval_s = interval_s
        self._clock = clock
        self._workers = WorkerFinder()
        self.notes: Notes | None = None
        self.catch_up: Callable[[float], float] = lambda _: math.inf
        self.read_rest: Callable[[], list[int | None]] = list
        self._rows = Rows(trace, host, isolated, interval_s)
        self._last: list[tuple[IsolatedSensor, list[int | None]]] = []
        self._ended = False
        self._started_s = self._seek_workers_s = clock.monotonic()
        self._asked: set[str] = set()  # sensors that were asked for a reading yet
        self.late = 0
        self.skipped = 0

    def run(self, leader: int) -> None:
        """Sample until the last task has ended, then write what it came to."""
        self._announce(self._watch.refresh())
        if all(task.pid != leader for task in self._watch.tasks):
            self._announce([self._watch.follow(leader)])
        # A millisecond, and a short program would be gone after the first sample.
        self._take_notes(self._clock.monotonic())
        deadline = self._clock.monotonic()
        while not self._is_over():
            now = self._clock.monotonic()
            if now >= deadline:
                self._sample(deadline)
                deadline = self._next_deadline(deadline)
                self._trace.flush_if_due()
            until = min(deadline, self.catch_up(now))
            self._watch.wait(until - self._clock.monotonic(), self._wakeups())
            self._collect_late()
        self._finish()

    def _is_over(self) -> bool:
        """Tell whether the last task has ended; if so, the last row is on disk already.

        It is first of all: the launcher may kill what is left of the step within a millisecond.
        """
        if not self._watch.all_gone():
            self._announce(self._watch.refresh())
            self._report_ends(self._watch.reap())
            return False
        self._deadman(_LAST_WORDS_S)
        now = self._clock.monotonic()
        readings = [(sensor, sensor.read_here()) for sensor in self._isolated]
        self._last = [(sensor, reading) for sensor, reading in readings if reading is not None]
        self._rows.store(now, self._host.read_last(), self._last)
        new = self._watch.refresh()
        over = self._watch.all_gone()
        self._rows.begin_if_settled(force=over)
        self._trace.flush()
        self._announce(new)
        if not over:
            self._deadman(0)
        return over

    def _next_deadline(self, deadline: float) -> float:
        """Return the next deadline on the grid; those already past are counted, not made up."""
        behind = self._clock.monotonic() - deadline
        missed = max(0, int(behind // self._interval_s))
        self.skipped += missed
        return deadline + (missed + 1) * self._interval_s

    def _sample(self, deadline: float) -> None:
        now = self._clock.monotonic()
        self.late += now - deadline > self._interval_s / 2
        self._read_all(now, self._isolated)
        self._find_workers(now)
        self._take_notes(now)
        self._name_problems()
        self._tell_first_updates()

    def _tell_first_updates(self) -> None:
        for sensor in self._isolated:
            if sensor.updates is not None and sensor.name in self._rows.device_offsets:
                watch, sensor.updates = sensor.updates, None
                self._tell_updates(sensor, watch.longest_ms(), watch.grown)

    def _name_problems(self) -> None:
        for problem in self._host.problems():
            self._trace.event(events.GAP, what=problem)
        for sensor in self._isolated:
            for problem in sensor.check():
                self._trace.event(events.GAP, what=problem)

    def _tell_updates(
        self, sensor: IsolatedSensor, longest_ms: dict[int, int], grown_dj: dict[int, int]
    ) -> None:
        offset = self._rows.device_offsets[sensor.name]
        self._trace.event(
            events.UPDATES,
            at="end" if self._ended else "start",
            longest_ms={str(offset + device): ms for device, ms in longest_ms.items()},
            grown_dj={str(offset + device): dj for device, dj in grown_dj.items()},
        )

    def _read_all(self, now: float, sensors: Sequence[IsolatedSensor]) -> None:
        """Write one row; a sensor that takes longer gets a row of its own when it is done.

        The host is read after fast sensors: at once with them, each would wait for the other's
        hold of the interpreter, call by call.
        """
        waiting = self._request(sensors)
        for sensor in waiting:
            self._wait_for(sensor, now + READ_TOGETHER_S)
        host = self._host.read()
        readings, later = [], []
        for sensor in waiting:
            self._wait_for(sensor, now + _TOGETHER_S)
            reading = sensor.take()
            if reading is not None and reading[0] - now <= READ_TOGETHER_S:
                readings.append((sensor, reading[1]))
            elif reading is not None:
                later.append((sensor, *reading))
        self._rows.store(now, host, readings)
        for sensor, time_s, values in later:
            self._rows.store(time_s, None, [(sensor, values)])

    def _find_workers(self, now: float) -> None:
        if now < self._seek_workers_s:
            return
        # Most start at once: later ones may be found a little later.
        age_s = now - self._started_s
        self._seek_workers_s = now + max(_SEEK_WORKERS_S, min(10.0, age_s / 10))
        for task in self._watch.tasks:
            if not task.ended:
                for worker in self._workers.find(task.pid):
                    self._trace.event(events.WORKER, **asdict(worker))

    def _take_notes(self, now: float) -> None:
        if self.notes is not None:
            pids = [task.pid for task in self._watch.tasks if not task.ended]
            for event, fields in self.notes.take(now, pids):
                self._trace.event(event, **fields)

    def _request(self, sensors: Sequence[IsolatedSensor]) -> list[IsolatedSensor]:
        """Set those that are open to work, and return them; asking twice is asking once."""
        waiting = [sensor for sensor in sensors if sensor.is_open and not sensor.lost]
        self._asked |= {sensor.name for sensor in waiting if sensor.request()}
        return waiting

    def _wait_for(self, sensor: IsolatedSensor, until: float) -> None:
        remaining = until - self._clock.monotonic()
        if remaining > 0 and sensor.is_reading:
            sensor.wait(remaining)

    def _collect_late(self) -> None:
        for sensor in self._isolated:
            reading = sensor.take()
            if reading is not None:
                self.late += 1
                self._rows.store(reading[0], None, [(sensor, reading[1])])
        # Energy counts from the first reading, so that one does not wait for a deadline.
        new = [s for s in self._isolated if s.is_open and not s.lost and s.name not in self._asked]
        if new:
            self._read_all(self._clock.monotonic(), new)

    def _announce(self, tasks: Sequence[WatchedTask]) -> None:
        for task in tasks:
            self._trace.event(
                events.TASK,
                rank=task.rank,
                local_rank=task.local_rank,
                pid=task.pid,
                age_ms=self._watch.age_ms(task),
                visible_gpus=task.visible_gpus,
            )

    def _report_ends(self, tasks: Sequence[WatchedTask]) -> None:
        self._watch.settle(tasks)
        for task in tasks:
            status = task.wait_status
            self._trace.event(
                events.TASK_END,
                pid=task.pid,
                exit_status=None if status is None or status & 0x7F else status >> 8,
                signal=None if status is None else status & 0x7F or None,
                source=task.status_source,
            )

    def _store_rest(self) -> None:
        """Write what may be read late: the last row of all else is on disk."""
        try:
            rest = self.read_rest()
        except (OSError, ValueError, LookupError):
            return  # a group that is gone, a card that was taken out
        if any(value is not None for value in rest):
            self._rows.store(self._clock.monotonic(), rest, ())
            self._trace.flush()

    def _finish(self) -> None:
        # First of all, as a parent that waits takes its child's status away.
        ended = self._watch.reap()
        self._store_rest()
        self._report_ends(ended)
        self._name_problems()
        self._tell_first_updates()
        self._ended = True
        lasted_s = self._clock.monotonic() - self._started_s
        look_on = lasted_s < SHORT_JOB_S and any(energies(s.columns, v) for s, v in self._last)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self._trace.event(
            events.END,
            **self._trace.summary(),
            utc_ms=self._clock.utc_ms(),
            late_samples=self.late,
            skipped_samples=self.skipped,
            agent_cpu_s=round(usage.ru_utime + usage.ru_stime, 4),
            agent_peak_rss_kib=peak_rss_kib() or usage.ru_maxrss,
            looks_on=look_on,
        )
        if look_on:
            for sensor, reading in self._last:
                self._tell_updates(sensor, {}, sensor.look_on(reading))

    def _wakeups(self) -> list[int]:
        return [sensor.wakeup_fd for sensor in self._isolated if not sensor.lost]

"""What sampling costs: CPU time, memory and bytes, with eight fake GPUs, all contestants at once.

In a round all run side by side, so that a busy machine is busy for all; they sleep most of the
time. When all have got going they are looked at, and again some time later: the difference is what
sampling costs without start and end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cases import OURS, Bench, Words
from benchmarks.probe import Running, cpu_s, proportional_mib, wait_until

_SETTLES_S = 6.0
_PATIENCE_S = 60.0
# The program: told from those that watch it by its name.
_SLEEP = "sleep"
_PROGRAM = ["sh", "-c", f"echo >running; exec {_SLEEP} 600"]

# What a user of nvitop writes to sample in the background; it writes nothing.
_NVITOP = """
import sys, time
from nvitop import Device, ResourceMetricCollector
collector = ResourceMetricCollector(Device.all(), interval=float(sys.argv[1]))
collector.daemonize(on_collect=lambda metrics: True, interval=float(sys.argv[1]))
open("running", "w").close()
time.sleep(600)
"""


@dataclass(frozen=True)
class Case:
    """One way of sampling; `call_us`: how long each call of the fake driver takes."""

    name: str
    words: Words
    interval_s: float
    call_us: int = 0


def measure(bench: Bench) -> dict[str, Any]:
    """Return CPU ms a second, MiB then and later, and MB an hour, by case, one per round."""
    rounds, lasts_s = (1, 6.0) if bench.quick else (4, 30.0)
    cases = _cases(bench)
    found: dict[str, dict[str, list[float]]] = {case.name: {} for case in cases}
    for number in range(rounds):
        for name, figures in _round(bench, cases, lasts_s, str(number)).items():
            for what, figure in figures.items():
                found[name].setdefault(what, []).append(round(figure, 3))
    return {"rounds": rounds, "lasts_s": lasts_s, "cases": found}


def _cases(bench: Bench) -> list[Case]:
    sampling = [case for case in bench.contestants if case.samples and case.name != OURS]
    cases = [Case(f"{case.name}, 1 Hz", case.words, 1.0) for case in sampling]
    cases += [Case(f"{case.name}, 10 Hz", case.words, 0.1) for case in sampling]
    (ours,) = (case for case in sampling if case.name.startswith(OURS))
    cases.append(Case(f"{ours.name}, 1 Hz, 20 us a driver call", ours.words, 1.0, call_us=20))
    nvitop = next((c.words for c in bench.contestants if c.name == "jpwr"), None)
    if nvitop:
        python = Path(nvitop(Path(), 1.0)[0]).with_name("python")
        for hertz in (1, 10):
            cases.append(Case(f"nvitop's collector, {hertz} Hz", _nvitop(python), 1 / hertz))
    return cases


def _nvitop(python: Path) -> Words:
    return lambda _, interval: [str(python), "-c", _NVITOP, str(interval)]


def _round(
    bench: Bench, cases: Sequence[Case], lasts_s: float, number: str
) -> dict[str, dict[str, float]]:
    """Run all side by side, look at them twice, and end them."""
    running: dict[str, tuple[Running, Path]] = {}
    for case in cases:
        folder = bench.room("sampling", number, case.name)
        words = [*case.words(folder, case.interval_s), *_PROGRAM]
        running[case.name] = Running(words, folder, bench.environment(case.call_us)), folder
    marks = [folder / "running" for _, folder in running.values()]
    if not wait_until(lambda: all(mark.exists() for mark in marks), _PATIENCE_S):
        raise SystemExit("sampling: not every program has started")
    time.sleep(_SETTLES_S)
    first = {name: _look(*each) for name, each in running.items()}
    time.sleep(lasts_s)
    figures = {}
    for name, each in running.items():
        then, now = first[name], _look(*each)
        span_s = now.at_s - then.at_s
        figures[name] = {
            "cpu_ms_per_s": 1000 * (now.cpu_s - then.cpu_s) / span_s,
            "first_mib": then.mib,
            "last_mib": now.mib,
            "mb_per_hour": (now.size_bytes - then.size_bytes) / span_s * 3600 / 1e6,
        }
    for program, _ in running.values():
        program.kill()
        program.cost()
    return figures


@dataclass(frozen=True)
class _Seen:
    at_s: float
    cpu_s: float
    mib: float
    size_bytes: int


def _look(running: Running, folder: Path) -> _Seen:
    pids = running.below()
    now_s, spent_s = time.monotonic(), cpu_s(pids)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return _Seen(now_s, spent_s, proportional_mib(pids, _SLEEP), size)

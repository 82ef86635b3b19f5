"""What is kept: exit statuses, the program on a signal, and the record after a kill -9."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.cases import BIN, OURS, Bench, Contestant
from benchmarks.probe import Running, cost, wait_until

_RUNS_S = 12.0
_PATIENCE_S = 60.0


def measure(bench: Bench) -> dict[str, Any]:
    """Return, by contestant, what came of each ending."""
    terminated, lost = _terminate_all(bench), _kill_all(bench)
    cases = {
        case.name: {
            **{what: _status(bench, case, what, command) for what, command in _STATUSES.items()},
            "term": terminated[case.name],
            "lost": lost[case.name],
        }
        for case in bench.contestants
    }
    return {"rounds": 1, "runs_s": _RUNS_S, "cases": cases}


class _Started(NamedTuple):
    running: Running
    folder: Path
    pid: int


_STATUSES = {
    "exit 3": ["sh", "-c", "exit 3"],
    "segfault": ["sh", "-c", "kill -SEGV $$"],
    "not found": ["no-such-program"],
    "nowhere to write": ["sh", "-c", "exit 3"],
}


def _status(bench: Bench, case: Contestant, what: str, command: list[str]) -> int:
    """Return the exit status as a shell would show it."""
    folder = bench.room("endings", case.name, what)
    # Nobody can write there, whoever runs this.
    into = Path("/proc/nowhere") if what == "nowhere to write" else folder
    words = ["sh", "-c", '"$@"', "sh", *case.words(into, 1.0), *command]
    return cost(words, folder, bench.environment()).status


def _start_all(bench: Bench, what: str) -> dict[str, _Started]:
    """Start all contestants around a program that sleeps, and wait until each program runs."""
    program = ["sh", "-c", "echo $$ >pid; exec sleep 120"]
    started = {}
    for case in bench.contestants:
        folder = bench.room("endings", case.name, what)
        words = [*case.words(folder, 1.0), *program]
        started[case.name] = Running(words, folder, bench.environment()), folder
    return {name: _Started(*each, _pid_in(each[1])) for name, each in started.items()}


def _terminate_all(bench: Bench) -> dict[str, str]:
    """Return what becomes of the program when its wrapper alone gets SIGTERM."""
    started = _start_all(bench, "term")
    time.sleep(2)  # some are still getting ready when the program runs
    for each in started.values():
        os.kill(each.running.below()[0], signal.SIGTERM)
    wait_until(lambda: all(_is_dead(each.pid) for each in started.values()), 5)
    dead = {name: _is_dead(each.pid) for name, each in started.items()}
    for each in started.values():
        each.running.kill()
        each.running.cost()
    return {name: "ended" if dead[name] else "left running" for name in started}


def _pid_in(folder: Path) -> int:
    path = folder / "pid"
    if not wait_until(lambda: path.exists() and bool(path.read_text().strip()), _PATIENCE_S):
        raise SystemExit(f"{folder}: the program did not start")
    return int(path.read_text())


def _is_dead(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    return True


def _kill_all(bench: Bench) -> dict[str, dict[str, Any]]:
    """Kill everything of each at once; return what can be had: seconds lost, or None for all."""
    started = _start_all(bench, "kill")
    time.sleep(_RUNS_S)
    found: dict[str, dict[str, Any]] = {}
    for name, each in started.items():
        each.running.kill()
        killed = time.time()
        each.running.cost()
        reader = next((read for prefix, read in _READERS.items() if name.startswith(prefix)), None)
        last, whole = reader(each.folder, bench.environment()) if reader else (None, False)
        lost_s = None if last is None else round(max(0.0, killed - last), 2)
        left = sum(path.stat().st_size for path in each.folder.rglob("*") if path.is_file())
        left -= (each.folder / "pid").stat().st_size
        found[name] = {"seconds": lost_s, "whole": whole, "left_bytes": left}
    return found


def _read_ours(folder: Path, env: Mapping[str, str]) -> tuple[float | None, bool]:
    """Return when the last sample was taken, and whether a valid document can be had."""
    (job,) = folder.glob("*_1")
    subprocess.run([BIN / "yprov-merge", "-q", job], env=env, check=True)
    checked = subprocess.run(
        [BIN / "yprov-inspect", "check", job], env=env, capture_output=True, check=False
    )
    (metrics, *_) = job.glob("metrics_GR0/*.csv")
    last_ms = int(metrics.read_text().splitlines()[-1].split(",")[2])
    return last_ms / 1000, checked.returncode == 0


def _read_duct(folder: Path, _env: Mapping[str, str]) -> tuple[float | None, bool]:
    """Return when the last line of usage was written, and whether its summary can be read."""
    usage = next(folder.glob("duct_*usage.json*"), None)
    info = next(folder.glob("duct_*info.json"), None)
    last = usage.stat().st_mtime if usage and usage.stat().st_size else None
    try:
        whole = bool(info and json.loads(info.read_text()))
    except ValueError:
        whole = False
    return last, whole


_READERS: dict[str, Callable[[Path, Mapping[str, str]], tuple[float | None, bool]]] = {
    OURS: _read_ours,
    "con-duct": _read_duct,
}

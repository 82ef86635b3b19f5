"""What a wrapper costs before and around a command that does nothing, in interleaved rounds."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.cases import BIN, OURS, Bench
from benchmarks.probe import cost

TASK = "a task that is not its node's leader"
# The time when the program itself runs; `date` and the shell take a part of it, for all alike.
_PROGRAM = ["sh", "-c", "date +%s.%N >started"]


def measure(bench: Bench) -> dict[str, Any]:
    """Return milliseconds, by contestant and what was measured, one per round."""
    rounds = 3 if bench.quick else 15
    found: dict[str, dict[str, list[float]]] = {}
    env = bench.environment()
    task = _task(bench.room("task"))
    for number in range(rounds):
        for case in bench.contestants:
            if case.heavy and number % 3:
                continue
            folder = bench.room("startup", f"{number}", case.name)
            began = time.time()
            spent = cost([*case.words(folder, 1.0), *_PROGRAM], folder, env)
            started = float((folder / "started").read_text())
            _add(
                found, case.name, until_ms=started - began, wall_ms=spent.wall_s, cpu_ms=spent.cpu_s
            )
        folder = bench.room("startup", f"{number}", "task")
        began = time.time()
        spent = cost([*task, *_PROGRAM], folder, env)
        started = float((folder / "started").read_text())
        _add(found, TASK, until_ms=started - began, wall_ms=spent.wall_s, cpu_ms=spent.cpu_s)
    return {"rounds": rounds, "cases": found}


def _add(found: dict[str, dict[str, list[float]]], name: str, **seconds: float) -> None:
    for what, value in seconds.items():
        found.setdefault(name, {}).setdefault(what, []).append(round(value * 1000, 2))


def _task(folder: Path) -> list[str]:
    """Return a task's command line as a launcher starts it, from a real step's shim."""
    ours = str(BIN / OURS)
    subprocess.run([ours, "--no-merge", "-q", "true"], cwd=folder, check=True)
    (shim,) = folder.glob("yprov/*/record/steps/0/task.sh")
    text = shim.read_text()
    follower = text.replace("_yprov_rank=0 _yprov_local=0", "_yprov_rank=1 _yprov_local=1")
    if follower == text:
        raise SystemExit("startup: the shim no longer says which task is the leader")
    shim.write_text(follower)
    printed = subprocess.run(
        [ours, "--dry-run", "true"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout
    return ["/bin/sh", "-c", printed.split("'")[1], "yprov-run", str(shim)]

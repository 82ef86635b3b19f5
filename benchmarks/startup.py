"""What a wrapper costs before and around a command: interleaved rounds, medians with spread.

    python benchmarks/startup.py [ROUNDS]

Beside yprov-run, `con-duct run` is measured where it is installed. Rounds are
interleaved, so that a noisy machine is noisy for all.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BIN = Path(sys.executable).parent


def _wall_s(command: list[str], folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def _until_start_s(wrapper: list[str], folder: Path) -> float:
    """Return how long after the launch the program itself runs; `date` itself takes a part."""
    started = time.time()
    done = subprocess.run(
        [*wrapper, "date", "+%s.%N"], cwd=folder, check=True, capture_output=True, text=True
    )
    return float(done.stdout) - started


def _shim_command(folder: Path, is_leader: bool) -> list[str]:
    """Return a task's command line as a launcher starts it, from a real step's shim."""
    subprocess.run(
        [str(BIN / "yprov-run"), "--no-merge", "-q", "true"], cwd=folder, check=True,
        capture_output=True,
    )  # fmt: skip
    shim = sorted(folder.glob("yprov/*/record/steps/0/task.sh"))[-1]
    text = shim.read_text()
    if not is_leader:
        text = text.replace("_yprov_rank=0 _yprov_local=0", "_yprov_rank=1 _yprov_local=1")
        shim.write_text(text)
    printed = subprocess.run(
        [str(BIN / "yprov-run"), "--dry-run", "true"], cwd=folder, check=True, capture_output=True,
        text=True,
    ).stdout  # fmt: skip
    boot = printed.split("'")[1]
    return ["/bin/sh", "-c", boot, "yprov-run", str(shim)]


def measure(rounds: int) -> dict[str, list[float]]:
    """Return seconds by what was measured, one per round."""
    results: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        follower = _shim_command(folder, is_leader=False)
        ours = [str(BIN / "yprov-run"), "--no-merge", "-q"]
        cases: dict[str, Callable[[], float]] = {
            "bare true": lambda: _wall_s(["true"], folder),
            "task that is not the leader": lambda: _wall_s([*follower, "true"], folder),
            "yprov-run --no-merge true": lambda: _wall_s([*ours, "true"], folder),
            "yprov-run true": lambda: _wall_s([str(BIN / "yprov-run"), "-q", "true"], folder),
            "yprov-run: until the program runs": lambda: _until_start_s(ours, folder),
        }
        duct = shutil.which("con-duct", path=f"{BIN}:{os.environ.get('PATH', '')}")
        if duct:
            cases["con-duct run true"] = lambda: _wall_s([duct, "run", "--quiet", "true"], folder)
        for _ in range(rounds):
            for case, seconds in cases.items():
                results.setdefault(case, []).append(seconds())
    return results


def main() -> None:
    """Measure and print a table, and the raw numbers as JSON."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    results = measure(rounds)
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}, "
          f"Python {platform.python_version()}, {rounds} rounds")  # fmt: skip
    print(f"{'':40}{'median ms':>10}{'lowest':>10}{'highest':>10}")
    for case, seconds in results.items():
        figures = (statistics.median(seconds), min(seconds), max(seconds))
        print(f"{case:40}" + "".join(f"{figure * 1000:10.1f}" for figure in figures))
    print(json.dumps({case: [round(s, 5) for s in values] for case, values in results.items()}))


if __name__ == "__main__":
    main()

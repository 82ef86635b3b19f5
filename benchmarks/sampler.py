"""What sampling costs: CPU time, memory and bytes, on eight fake GPUs; con-duct and nvitop beside.

    python benchmarks/sampler.py [--peers PYTHON] [--long SECONDS]

PYTHON is an interpreter with con-duct and nvitop (`pip install con-duct nvitop`). Every program
is run for a short and a long time: the difference is what sampling costs without start and end.
Rounds are interleaved, and the median of them is shown, so that a noisy machine is noisy for all.
CPU time is the kernel's count of the process and all that it has started and waited for.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from yprov_run.launch.plan import _BOOT_AGENT, import_path

FAKE = Path(__file__).parents[1] / "tests/fakes/nvml.c"
SHORT_S = 4
GPUS = 8

# What a user of nvitop writes to sample in the background.
_NVITOP = """
import sys, time
from nvitop import Device, ResourceMetricCollector
collector = ResourceMetricCollector(Device.all(), interval=float(sys.argv[1]))
collector.daemonize(on_collect=lambda metrics: True, interval=float(sys.argv[1]))
time.sleep(float(sys.argv[2]))
"""

Start = Callable[[float, Path], subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Cost:
    """What one run took: CPU seconds, the highest resident KiB, bytes written."""

    cpu_s: float
    rss_kib: int
    size_bytes: int


def fake_library(folder: Path) -> None:
    """Compile the fake GPUs."""
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-Wl,-soname,libnvidia-ml.so.1", "-o",
         str(folder / "libnvidia-ml.so.1"), str(FAKE), "-lm"], check=True,
    )  # fmt: skip


def agent(interval_s: float) -> Start:
    """Return what starts our agent beside a task that sleeps."""

    def start(lasts_s: float, folder: Path) -> subprocess.Popen[bytes]:
        task = subprocess.Popen(["sleep", str(lasts_s)])
        (folder / "n.tasks").write_text(f"task 0 0 {task.pid} -\n")
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BOOT_AGENT, "\n".join(import_path()),
             str(folder / "n"), str(task.pid), "local", str(interval_s)],
        )  # fmt: skip

    return start


def con_duct(python: str, interval_s: float) -> Start:
    """Return what starts con-duct, which samples processes and no GPU."""

    def start(lasts_s: float, folder: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [python, "-m", "con_duct.cli", "run", "--quiet", "--sample-interval", str(interval_s),
             "--report-interval", str(max(1.0, interval_s)), "-p", f"{folder}/duct_",
             "sleep", str(lasts_s)],
        )  # fmt: skip

    return start


def nvitop(python: str, interval_s: float) -> Start:
    """Return what starts nvitop's collector; it writes nothing."""
    return lambda lasts_s, _: subprocess.Popen(  # it logs each function that the fake lacks
        [python, "-c", _NVITOP, str(interval_s), str(lasts_s)],
        stderr=subprocess.DEVNULL,
    )


def run(start: Start, lasts_s: float, environment: dict[str, str]) -> Cost:
    """Run one program to its end and return what it cost."""
    os.environ.update(environment)
    with tempfile.TemporaryDirectory() as name:
        process = start(lasts_s, Path(name))
        time.sleep(max(0.5, lasts_s - 0.5))
        rss_kib = _highest_kib(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{process.args!r} ended with {process.returncode}")
        size = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
        return Cost(usage.ru_utime + usage.ru_stime, rss_kib, size)


def _highest_kib(pid: int) -> int:
    """Return a process's highest resident memory; rusage would tell that of its parent."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split(None, 1)[0])


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="a Python with con-duct and nvitop")
    parser.add_argument("--long", type=float, default=34, help="seconds of the longer run")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cases = [
        ("yprov-run's agent, 1 Hz", agent(1.0), 0),
        ("yprov-run's agent, 1 Hz, 20 us a driver call", agent(1.0), 20),
        ("yprov-run's agent, 10 Hz", agent(0.1), 0),
    ]
    if options.peers:
        cases += [
            ("con-duct, 1 Hz (processes, no GPU)", con_duct(options.peers, 1.0), 0),
            ("nvitop's collector, 1 Hz", nvitop(options.peers, 1.0), 0),
            ("nvitop's collector, 10 Hz", nvitop(options.peers, 0.1), 0),
        ]
    print(f"{GPUS} fake GPUs; {platform.platform()}, Python {platform.python_version()}")
    print("| | CPU ms per s | lowest | highest | resident MiB | MB per hour |\n" + "|---" * 6 + "|")
    with tempfile.TemporaryDirectory() as name:
        fake_library(Path(name))
        found: dict[str, list[tuple[float, float, float]]] = {}
        for number in range(options.rounds + 1):
            for label, start, call_us in cases:
                environment = {
                    "LD_LIBRARY_PATH": name,
                    "FAKE_NVML_GPUS": str(GPUS),
                    "FAKE_NVML_CALL_US": str(call_us),
                }
                if number == 0:  # what is compiled or cached at the first time is not counted
                    run(start, 1, environment)
                    continue
                costs = run(start, SHORT_S, environment), run(start, options.long, environment)
                found.setdefault(label, []).append(_between(*costs, options.long - SHORT_S))
        for label, rounds in found.items():
            cpu = sorted(each[0] for each in rounds)
            _, rss, size = rounds[-1]
            print(f"| {label} | {median(cpu):.2f} | {cpu[0]:.2f} | {cpu[-1]:.2f} | {rss:.1f} "
                  f"| {size:.2f} |")  # fmt: skip


def _between(short: Cost, long: Cost, span_s: float) -> tuple[float, float, float]:
    """Return CPU ms a second, resident MiB, and MB an hour."""
    return (
        1000 * (long.cpu_s - short.cpu_s) / span_s,
        long.rss_kib / 1024,
        (long.size_bytes - short.size_bytes) / span_s * 3600 / 1e6,
    )


if __name__ == "__main__":
    main()

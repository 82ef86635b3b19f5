"""Where and when something was measured."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

from benchmarks.cases import Bench


def here(bench: Bench) -> dict[str, Any]:
    """Return the machine, the date (UTC), the versions, and how busy others keep the machine."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} CPUs, Linux {platform.release()}, "
        f"Python {platform.python_version()}",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "load_before": round(os.getloadavg()[0], 2),
        "quick": bench.quick,
        "versions": {case.name: case.version for case in bench.contestants if case.version},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()

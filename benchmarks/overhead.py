"""What a wrapper adds to a program that works: one that computes, and one that opens files."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.cases import Bench
from benchmarks.probe import cost

_COMPUTE = "n = 0\nfor i in range({}): n += i * i % 7"
_OPEN = "import os\nfor _ in range({}): os.close(os.open('/dev/null', 0))"


def measure(bench: Bench) -> dict[str, Any]:
    """Return wall and CPU seconds, by program, contestant and what was measured, one per round."""
    rounds = 1 if bench.quick else 6
    programs = {
        "computes": _COMPUTE.format(2_000_000 if bench.quick else 15_000_000),
        "opens 20,000 files": _OPEN.format(20_000),
    }
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    env = bench.environment()
    for number in range(rounds):
        for program, code in programs.items():
            for case in bench.contestants:
                if case.heavy and number % 3:
                    continue
                folder = bench.room("overhead", str(number), program, case.name)
                words = [*case.words(folder, 1.0), sys.executable, "-I", "-S", "-c", code]
                spent = cost(words, folder, env)
                of_case = found.setdefault(program, {}).setdefault(case.name, {})
                of_case.setdefault("wall_s", []).append(round(spent.wall_s, 4))
                of_case.setdefault("cpu_s", []).append(round(spent.cpu_s, 4))
    return {"rounds": rounds, "programs": found}

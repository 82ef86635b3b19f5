"""How soon a report can be used: from opening the file to the end of its script, in Chromium.

Records come from benchmarks/synthesize.py (8 GPUs a node; a sample a second for two minutes). The
time is the browser's own, from the navigation's start until the charts are drawn and everything is
wired. Beside it: the report's size, its elements, and what the merge took in CPU time with and
without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.cases import BIN, Bench
from benchmarks.merge import run, synthesize
from tests.support.browser import Browser, browser

_READY = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


def measure(bench: Bench) -> dict[str, Any]:
    """Return milliseconds until it is ready, one per opening, and its size, by nodes."""
    rounds = 2 if bench.quick else 9
    place = bench.room("report")
    cases = {}
    with browser() as chromium:
        for nodes in (1, 10) if bench.quick else (1, 10, 100, 1_000):
            cases[f"{nodes:,}"] = _of_one(chromium, place / f"job_{nodes}", nodes, rounds)
    return {"rounds": rounds, "cases": cases}


def _of_one(chromium: Browser, job_dir: Path, nodes: int, rounds: int) -> dict[str, Any]:
    synthesize(job_dir, nodes, "--seconds", "120")
    without = run(str(BIN / "yprov-merge"), "-q", "--no-report", str(job_dir))
    merged = run(str(BIN / "yprov-merge"), "-q", str(job_dir))
    page = job_dir / "report.html"
    ready_ms = []
    for _ in range(rounds):
        chromium.open(page)
        ready_ms.append(round(float(chromium.ask(_READY)), 1))
    return {
        "ready_ms": ready_ms,
        "size_mb": round(page.stat().st_size / 1e6, 3),
        "elements": chromium.ask("document.querySelectorAll('*').length"),
        "merge_cpu_s": merged["cpu_s"],
        "without_cpu_s": without["cpu_s"],
    }

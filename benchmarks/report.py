"""How soon a report can be used: from opening the file to the end of its script, in Chromium.

    python benchmarks/report.py [NODES...]

Records come from benchmarks/synthesize.py (8 GPUs a node; a sample a second for two minutes, beyond
1,000 nodes for 20 s). The time is the browser's own, from the navigation's start until the charts
are drawn and everything is wired; medians of nine openings. Beside it: the report's size, its
elements, and what the merge took in CPU time with and without it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from merge import BIN, measure, synthesize

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.browser import Browser, browser

ROUNDS = 9
_READY = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


def row(chromium: Browser, job_dir: Path, nodes: int) -> str:
    """Return a row of the table for one job."""
    synthesize(job_dir, nodes, "--seconds", "120" if nodes <= 1_000 else "20")
    _, without_s, _ = measure(str(BIN / "yprov-merge"), "-q", "--no-report", str(job_dir))
    _, with_s, _ = measure(str(BIN / "yprov-merge"), "-q", str(job_dir))
    page = job_dir / "report.html"
    times_ms = []
    for _ in range(ROUNDS):
        chromium.open(page)
        times_ms.append(chromium.ask(_READY))
    elements = chromium.ask("document.querySelectorAll('*').length")
    return (
        f"| {nodes:,} | {statistics.median(times_ms):.0f} | {min(times_ms):.0f} "
        f"| {max(times_ms):.0f} | {page.stat().st_size / 1e6:.2f} | {elements:,} "
        f"| {with_s - without_s:.1f} of {with_s:.1f} |"
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nodes", type=int, nargs="*", default=[1, 10, 100, 1_000, 10_000])
    print("| nodes x 8 GPUs | ready ms | lowest | highest | MB | elements | merge CPU s for it |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        for nodes in parser.parse_args().nodes:
            print(row(chromium, Path(folder) / f"job_{nodes}", nodes), flush=True)


if __name__ == "__main__":
    main()

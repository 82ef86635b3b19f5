"""Measure, keep the raw numbers, and put the tables into the page.

    python -m benchmarks [--quick] [--peers FOLDER] [--page FILE] [SECTION...]

Sections: startup, overhead, sampling, endings, merge; and two that are measured only where they are
named: files, which needs 7 GB, and report, which needs Chromium and Selenium. A section that is not
measured keeps its numbers. FOLDER holds the programs of con-duct, perun and jpwr; which of them, of
strace and of time are not there is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import endings, files, merge, overhead, page, sampling, startup
from benchmarks.cases import Bench, contestants, fake_library
from benchmarks.machine import here


def _report(bench: Bench) -> dict[str, Any]:
    # Here and not above: nothing else needs Selenium.
    from benchmarks import report

    return report.measure(bench)


SECTIONS = {
    "startup": startup.measure,
    "overhead": overhead.measure,
    "sampling": sampling.measure,
    "endings": endings.measure,
    "merge": merge.measure,
    "files": files.measure,
    "report": _report,
}
USUAL = [name for name in SECTIONS if name not in ("files", "report")]
PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"


def main() -> None:
    """Measure what is asked for, one section after the other, and write each at once."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="few and short rounds: not to publish")
    parser.add_argument("--peers", type=Path, help="a folder with the peers' programs")
    parser.add_argument("--page", type=Path, default=PAGE, help="its raw numbers stand beside it")
    asked = parser.parse_args()
    if unknown := sorted({*asked.sections} - {*SECTIONS}):
        parser.error(f"no section {unknown[0]!r}: {', '.join(SECTIONS)}")
    peers = asked.peers.absolute() if asked.peers else None
    raw_path = asked.page.with_suffix(".json")
    raw = json.loads(raw_path.read_text()) if raw_path.exists() else {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        bench = Bench(Path(name), contestants(peers), fake_library(Path(name)), asked.quick)
        for section in asked.sections or USUAL:
            print(f"{section} ...", end=" ", flush=True, file=sys.stderr)
            began, facts = time.monotonic(), here(bench)
            raw[section] = {**facts, **SECTIONS[section](bench)}
            raw_path.write_text(page.as_json(raw))
            print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    asked.page.write_text(page.update(asked.page.read_text(), raw))


if __name__ == "__main__":
    main()

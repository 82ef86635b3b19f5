"""What a merge costs: seconds, memory and size of the document from 10 to 10,000 nodes.

    python benchmarks/merge.py [NODES...]

Records come from benchmarks/synthesize.py (8 GPUs a node). At the end 1,000 nodes of which 50 died
an hour into the job, and the same work by the `prov` library: reading a document per node and
updating one with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
SYNTHESIZE = Path(__file__).with_name("synthesize.py")
GPUS = 8


def measure(*command: str) -> tuple[float, float, float]:
    """Run a command; return its wall time and CPU time in s, and its peak memory in MB."""
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{command[0]}: status {os.waitstatus_to_exitcode(status)}")
    wall_s = time.perf_counter() - started
    return wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def synthesize(job_dir: Path, nodes: int, *more: str) -> None:
    """Write a record."""
    subprocess.run(
        [sys.executable, str(SYNTHESIZE), str(job_dir), "--nodes", str(nodes), "--gpus-per-node",
         str(GPUS), *more],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def report(words: str, job_dir: Path) -> None:
    """Merge and check a job, and print a row of the table."""
    wall_s, cpu_s, memory = measure(str(BIN / "yprov-merge"), "-q", "--no-report", str(job_dir))
    document = job_dir / "prov.json"
    records = sum(len(v) for k, v in json.loads(document.read_bytes()).items() if k != "prefix")
    check_s, _, _ = measure(str(BIN / "yprov-inspect"), "check", str(document))
    size = document.stat().st_size / 1e6
    print(
        f"| {words} | {wall_s:.2f} | {cpu_s:.2f} | {memory:.0f} | {size:.2f} | {records:,} "
        f"| {check_s:.2f} |",
        flush=True,
    )


def by_the_library(document: Path) -> tuple[int, float]:
    """Return a number of nodes, and the seconds in which `prov` reads and unites their records."""
    from prov.model import ProvDocument

    whole = json.loads(document.read_bytes())
    parts = []
    for node in (name for name in whole["activity"] if name.startswith("node/")):
        used = {k: v for k, v in whole["used"].items() if v["prov:activity"] == node}
        entities = {v["prov:entity"]: whole["entity"][v["prov:entity"]] for v in used.values()}
        part = {"prefix": whole["prefix"], "activity": {node: whole["activity"][node]}}
        parts.append(json.dumps({**part, "entity": entities, "used": used}))
    started = time.perf_counter()
    together = ProvDocument()
    for part in parts:
        together.update(ProvDocument.deserialize(content=part, format="json"))
    together.serialize(format="json")
    return len(parts), time.perf_counter() - started


def main() -> None:
    """Print the table."""
    sizes = [int(word) for word in sys.argv[1:]] or [10, 100, 1_000, 10_000]
    print("| nodes x 8 GPUs | s | CPU s | MB | document MB | records | check s |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for nodes in sizes:
            job_dir = Path(name, f"job_{nodes}")
            synthesize(job_dir, nodes)
            report(f"{nodes:,}", job_dir)
        job_dir = Path(name, "died_1")
        synthesize(job_dir, 1_000, "--die", "50")
        report("1,000, 50 died after an hour", job_dir)
        small = Path(name, "library_1")
        synthesize(small, 300)
        subprocess.run([str(BIN / "yprov-merge"), "-q", str(small)], check=True)
        nodes, seconds = by_the_library(small / "prov.json")
        print(f"\n`prov`, a document per node, {nodes} nodes: {seconds:.2f} s")


if __name__ == "__main__":
    main()

"""What a merge costs: seconds, memory and size of the document from 10 to 10,000 nodes.

Records come from benchmarks/synthesize.py (8 GPUs a node). Beside them 1,000 nodes of which 50 died
an hour into the job; and the `prov` library at the same work: reading a document per node and
updating one with it, where we begin with the traces.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.cases import BIN, GPUS, Bench
from benchmarks.library import OURS, PROV, documents_of_nodes

_SYNTHESIZE = Path(__file__).with_name("synthesize.py")


def measure(bench: Bench) -> dict[str, Any]:
    """Return seconds, MB and numbers of records, by nodes and what was measured, one per round."""
    rounds = 1 if bench.quick else 3
    jobs: dict[str, tuple[int, list[str]]] = {f"{n:,}": (n, []) for n in (10, 100, 1_000, 10_000)}
    jobs["1,000, 50 died after an hour"] = 1_000, ["--die", "50"]
    if bench.quick:
        jobs = {name: job for name, job in jobs.items() if job[0] < 1_000}
    place = bench.room("merge")
    cases: dict[str, dict[str, list[float]]] = {}
    for number, (name, (nodes, more)) in enumerate(jobs.items()):
        job_dir = place / f"job_{number}"
        synthesize(job_dir, nodes, *more)
        for _ in range(rounds):
            _add(cases, name, _merge_and_check(job_dir))
        shutil.rmtree(job_dir)
    nodes = 100 if bench.quick else 1_000
    library = _beside_the_library(place, nodes, rounds)
    return {"rounds": rounds, "cases": cases, "library_nodes": nodes, "library": library}


def _add(cases: dict[str, dict[str, list[float]]], name: str, figures: dict[str, float]) -> None:
    for what, figure in figures.items():
        cases.setdefault(name, {}).setdefault(what, []).append(figure)


def synthesize(job_dir: Path, nodes: int, *more: str) -> None:
    """Write a record."""
    subprocess.run(
        [sys.executable, _SYNTHESIZE, job_dir, "--nodes", str(nodes), "--gpus-per-node",
         str(GPUS), *more],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def run(*command: str) -> dict[str, float]:
    """Run a command; return its wall and CPU seconds, and its highest resident memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"{command[0]}: status {process.returncode}")
    return {
        "wall_s": round(time.perf_counter() - began, 3),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mb": round(usage.ru_maxrss * 1024 / 1e6, 1),
    }


def _merge_and_check(job_dir: Path) -> dict[str, float]:
    """Merge and check a job once."""
    document = job_dir / "prov.json"
    figures = run(str(BIN / "yprov-merge"), "-q", "--no-report", str(job_dir))
    checked = run(str(BIN / "yprov-inspect"), "check", str(document))
    kinds = json.loads(document.read_bytes())
    return {
        **figures,
        "document_mb": round(document.stat().st_size / 1e6, 3),
        "records": sum(len(records) for kind, records in kinds.items() if kind != "prefix"),
        "check_s": checked["wall_s"],
    }


def _beside_the_library(place: Path, nodes: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return what `prov` takes for documents of nodes that we merge from their traces."""
    job_dir = place / f"library_{nodes}"
    synthesize(job_dir, nodes)
    merge = [str(BIN / "yprov-merge"), "-q", "--no-report", "--detail", "gpu", str(job_dir)]
    run(*merge)
    parts = place / "parts"
    documents_of_nodes(job_dir / "prov.json", parts)
    cases: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        for name, how in (
            ("`prov`: read a document per node, update one", PROV),
            ("the same documents, with the merge's records", OURS),
        ):
            _add(cases, name, run(sys.executable, "-m", "benchmarks.library", how, str(parts)))
        _add(cases, "the whole merge, from the traces on", run(*merge))
    return cases

"""Signals sent through Slurm reach the program as often as they would without us."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.support.commands import BIN, only_job
from tests.support.slurm import SlurmCluster, wait_until

pytestmark = pytest.mark.cluster

NOTE = Path(__file__).parent / "programs/note.py"
# Longer than any second delivery takes.
SETTLED_S = 1.0

WAYS = {
    "to the steps": ["--signal=USR1"],
    "to the batch script": ["--batch", "--signal=USR1"],
    "to everything": ["--full", "--signal=USR1"],
}
STARTS = {"srun": "srun -n2 ", "no launcher": ""}


@pytest.mark.parametrize("start", STARTS)
def test_scancel_reaches_the_program_as_without_us(
    start: str, cluster: SlurmCluster, tmp_path: Path
) -> None:
    """All ways at once, each in a job of its own, bare and wrapped side by side."""
    jobs: dict[tuple[str, str], str] = {}
    for way in WAYS:
        for wrapper in ("", "yprov-run -q "):
            folder = tmp_path / way.replace(" ", "-") / (wrapper.split(" ")[0] or "bare")
            folder.mkdir(parents=True)
            command = f"exec {wrapper}{STARTS[start]}{sys.executable} {NOTE} {folder}"
            jobs[way, wrapper] = cluster.submit(
                f"#!/bin/bash\n#SBATCH -n2 -N1 --mem=100\n{command}\n",
                folder,
                environ={"PATH": f"{BIN}:{os.environ['PATH']}"},
            )
    ranks = 2 if start == "srun" else 1
    wait_until(lambda: len(list(tmp_path.rglob("ready.*"))) == ranks * len(jobs), "all ready", 90)
    for (way, _), job_id in jobs.items():
        cluster.run("scancel", *WAYS[way], job_id)
    time.sleep(SETTLED_S)
    for path in [*tmp_path.glob("*/*")]:
        (path / "stop").touch()
    for (way, wrapper), job_id in jobs.items():
        folder = tmp_path / way.replace(" ", "-") / (wrapper.split(" ")[0] or "bare")
        cluster.wait(job_id, folder)
    for way in WAYS:
        folder = tmp_path / way.replace(" ", "-")
        assert _seen(folder / "yprov-run", ranks) == _seen(folder / "bare", ranks), way
        assert (only_job(folder / "yprov-run") / "record/steps/0/end.json").exists()


def _seen(folder: Path, ranks: int) -> list[str]:
    return [
        path.read_text() if (path := folder / f"seen.{rank}").exists() else "died"
        for rank in range(ranks)
    ]

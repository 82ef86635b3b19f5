"""Many short jobs in random shapes with random faults: no wrong status, no hang, no orphan, and
every directory merges. `YPROV_SOAK_JOBS=200` makes it long."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import environment, run
from tests.support.processes import agents_below
from tests.support.slurm import SlurmCluster, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.parametrize("cluster", ["linuxproc"], indirect=True)]

JOBS = int(os.environ.get("YPROV_SOAK_JOBS", "24"))
LAUNCHERS = {
    "local": [],
    "srun one": ["srun", "-Q", "-n1"],
    "srun two nodes": ["srun", "-Q", "-N2", "-n4"],
    "openmpi": ["mpirun.openmpi", "--oversubscribe", "-q", "-np", "3"],
    "hydra": ["mpiexec.hydra", "-n", "3"],
}
FAULTS = ("none", "none", "agent killed", "agent stopped", "nodes gone", "wrapper killed", "TERM")


def _one_job(number: int, folder: Path, env: dict[str, str]) -> str:
    """Run one random job and return what was wrong with it, or an empty text."""
    chance = random.Random(number)
    launcher = chance.choice(sorted(LAUNCHERS))
    fault = chance.choice(FAULTS)
    status = chance.choice([0, 0, 3, 77])
    where = folder / str(number)
    where.mkdir()
    script = f"touch {where}/started; sleep {chance.uniform(0.3, 1.2):.2f}; exit {status}"
    process = subprocess.Popen(
        ["yprov-run", "-q", "--interval", "0.2", *LAUNCHERS[launcher], "sh", "-c", script],
        cwd=where, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    what = f"job {number}: {launcher}, {fault}, exit {status}"
    try:
        wait_until((where / "started").exists, f"{what}: start", 60)
        _strike(fault, process, where)
        ended = process.wait(60)
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        process.kill()
        return f"{what}: hangs: {error}"
    expected = {
        "wrapper killed": {-signal.SIGKILL},
        # The launcher's own way to say that its tasks were terminated; or the end came first.
        "TERM": {-signal.SIGTERM, 143, 137, 15, 1, 0, status},
    }.get(fault, {status})
    if ended not in expected:
        return f"{what}: status {ended}"
    return _check_afterwards(what, where)


def _strike(fault: str, process: subprocess.Popen[bytes], where: Path) -> None:
    if fault.startswith("agent"):
        # Not in its first milliseconds, in which it may still hold the launcher's pipes.
        wait_until(
            lambda: any(where.glob("yprov/*/record/steps/0/nodes/*.events.jsonl")), fault, 20
        )
        number = signal.SIGKILL if fault.endswith("killed") else signal.SIGSTOP
        for pid in agents_below(where):
            os.kill(pid, number)
    elif fault == "nodes gone":
        shutil.rmtree(next(where.glob("yprov/*/record/steps/0/nodes")), ignore_errors=True)
    elif fault == "wrapper killed":
        process.kill()
    elif fault == "TERM":
        process.terminate()


def _check_afterwards(what: str, where: Path) -> str:
    # With the wrapper killed its launcher goes on: the record is whole when its agents are gone.
    wait_until(lambda: not agents_below(where), f"{what}: the end of its agents", 30)
    merged = run("yprov-merge", "-q", str(next(where.glob("yprov/*"))), cwd=where)
    if merged.returncode or merged.stderr:
        return f"{what}: merge: {merged.stderr.decode()}"
    documents.load(next(where.glob("yprov/*/prov.json")))
    return ""


@pytest.mark.timeout(1800)
def test_many_jobs_with_many_faults(cluster: SlurmCluster, tmp_path: Path) -> None:
    env = environment(
        SLURM_CONF=cluster.environ["SLURM_CONF"],
        OMPI_ALLOW_RUN_AS_ROOT="1",
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
    )
    with ThreadPoolExecutor(4) as pool:
        wrong = [
            text
            for text in pool.map(lambda number: _one_job(number, tmp_path, env), range(JOBS))
            if text
        ]
    assert wrong == []
    wait_until(lambda: not agents_below(tmp_path), "the end of all agents", 20)

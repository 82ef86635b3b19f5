"""Signals sent through Slurm reach the program as often as they would without us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.commands import BIN, environment, only_job
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


def test_the_signal_before_the_time_limit_reaches_the_program_as_without_us(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    """`--signal=B:USR1@50`, with the wrapper in the batch script's place."""
    jobs = {}
    for wrapper in ("", "yprov-run -q "):
        folder = tmp_path / (wrapper.split(" ")[0] or "bare")
        folder.mkdir()
        jobs[folder] = cluster.submit(
            f"#!/bin/bash\n#SBATCH -n1 --mem=100 -t 1 --signal=B:USR1@50\n"
            f"exec {wrapper}{sys.executable} {NOTE} {folder}\n",
            folder,
            ["-t", "1"],
            {"PATH": f"{BIN}:{os.environ['PATH']}"},
        )
    wait_until(lambda: len(list(tmp_path.rglob("signalled.0"))) == 2, "the signal to both", 110)
    time.sleep(SETTLED_S)
    for folder, job_id in jobs.items():
        (folder / "stop").touch()
        assert cluster.wait(job_id, folder).state == "COMPLETED"
    assert [_seen(folder, 1) for folder in jobs] == [["SIGUSR1"], ["SIGUSR1"]]


@pytest.mark.parametrize("cluster", ["linuxproc"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "launcher", ["mpirun.openmpi --oversubscribe -np 2", "mpiexec.hydra -n 2", "srun -Q -n2"]
)
def test_what_a_launcher_does_with_a_signal_of_its_own_is_as_without_us(
    launcher: str, number: signal.Signals, cluster: SlurmCluster, tmp_path: Path
) -> None:
    """Open MPI passes some on to its ranks and ends them for others; hydra and srun differ."""
    env = environment(
        SLURM_CONF=cluster.environ["SLURM_CONF"],
        OMPI_ALLOW_RUN_AS_ROOT="1",
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
    )
    processes: dict[Path, subprocess.Popen[bytes]] = {}
    for wrapper in ("", "yprov-run -q "):
        folder = tmp_path / (wrapper.split(" ")[0] or "bare")
        folder.mkdir()
        processes[folder] = subprocess.Popen(
            f"exec {wrapper}{launcher} {sys.executable} {NOTE} {folder}", shell=True, cwd=folder,
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    wait_until(lambda: len(list(tmp_path.rglob("ready.*"))) == 4, "all ready", 60)
    for process in processes.values():
        process.send_signal(number)
    # A launcher may take its time, then kill its ranks: what they noted by then is compared.
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: _signalled(tmp_path / "yprov-run") != {}, "a signal", SETTLED_S)
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: len({str(_signalled(folder)) for folder in processes}) == 1, "both", 20)
    time.sleep(SETTLED_S)
    for folder in processes:
        (folder / "stop").touch()
    (bare, wrapped) = (process.wait(60) for process in processes.values())
    assert wrapped == bare
    assert _signalled(tmp_path / "yprov-run") == _signalled(tmp_path / "bare")


def _signalled(folder: Path) -> dict[str, str]:
    """Return what each rank has noted so far."""
    return {path.name: path.read_text() for path in sorted(folder.glob("signalled.*"))}

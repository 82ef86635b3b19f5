"""Each template for Slurm, filled in by `--init`, submitted as it is, and its document."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support import documents
from tests.support.commands import BIN, only_job, run
from tests.support.slurm import SlurmCluster, wait_until

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.examples,
    pytest.mark.parametrize("cluster", ["linuxproc"], indirect=True),
]

TRAIN = "sleep 1\n"
# Writes a checkpoint when told, and has no more to do when it finds one.
LONG = """\
trap 'touch checkpoint; exit 0' USR1
[ ! -e checkpoint ] || exit 0
touch started.$SLURM_PROCID
i=0; while [ $i -lt 600 ]; do i=$((i+1)); sleep 0.1; done
exit 1
"""
FILES = {
    "train.sh": TRAIN, "long.sh": LONG, "simulate": f"#!/bin/sh\n{TRAIN}",
    "prepare.py": "print('prepared')\n", "evaluate.py": "print('evaluated')\n",
}  # fmt: skip
# What stands for programs that this machine lacks: `apptainer exec --nv IMAGE`, and the options
# that Pyxis adds to srun.
PROGRAMS = {
    "apptainer": '[ "$1 $2 $3" = "exec --nv image.sif" ] && shift 3; exec "$@"',
    "srun": 'for word; do shift; case $word in --container-*) ;; *) set -- "$@" "$word" ;; esac; '
    'done; exec /usr/bin/srun "$@"',
    "mpirun": 'exec mpirun.openmpi "$@"',
}


@dataclass(frozen=True)
class Case:
    """How a template is filled in, and what its document must say, where a number is not 0."""

    options: str
    tasks: int
    nodes: int = 1
    gpus: int = 0
    steps: int = 1
    command: str = "sh train.sh"


CASES = {
    "single": Case("--gpus-per-node 1 --cpus-per-task 1", 1, gpus=1),
    "torchrun": Case("--nodes 2 --gpus-per-node 1 --cpus-per-task 1", 2, 2, gpus=2),
    "ranks": Case("--nodes 2 --gpus-per-node 2 --cpus-per-task 1", 4, 2, gpus=4),
    "openmpi": Case("--nodes 2 --ntasks-per-node 2", 4, 2),
    "mpich": Case("--nodes 2 --ntasks-per-node 2", 4, 1),  # by host names, and here there is one
    "steps": Case("--nodes 1 --gpus-per-node 2 --cpus-per-task 1", 4, gpus=2, steps=3),
    "requeue": Case(
        "--nodes 1 --gpus-per-node 0 --ntasks-per-node 2 --cpus-per-task 1", 4, nodes=0, steps=2,
        command="sh long.sh",
    ),
    "apptainer": Case("--nodes 1 --gpus-per-node 2 --cpus-per-task 1", 2, gpus=2),
    "pyxis": Case("--nodes 1 --gpus-per-node 2 --cpus-per-task 1", 2, gpus=2),
    # The part without GPUs is not kept from seeing them here.
    "heterogeneous": Case("--gpus-per-node 2 --cpus-per-task 1", 4, 2),
}  # fmt: skip
SWEEP = "--gpus-per-node 0 --cpus-per-task 1 --time 5 -- sh train.sh"
CRASHING = "--gpus-per-node 1 --cpus-per-task 1 --time 5 -- sh long.sh"


@pytest.fixture
def environ(fake_nvml: Path, tmp_path: Path) -> dict[str, str]:
    """Return what makes the nodes' GPUs visible, and our commands and the stand-ins found."""
    wanted = ("mpirun.openmpi", "mpiexec.hydra", str(BIN / "torchrun"))
    need([name for name in wanted if not shutil.which(name)], "the test of the templates")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    return {"LD_LIBRARY_PATH": str(fake_nvml), "PATH": f"{programs}:{BIN}:{os.environ['PATH']}"}


def _submit(
    cluster: SlurmCluster,
    template: str,
    words: str,
    folder: Path,
    environ: dict[str, str],
    after: str = "",
) -> str:
    """Fill a template in and submit it, from a folder that has what its program needs.

    What is in the way of a small cluster is taken away. `after`: a job to wait for and to name.
    """
    folder.mkdir(exist_ok=True)
    for program, content in FILES.items():
        (folder / program).write_text(content)
        (folder / program).chmod(0o755)
    done = run("yprov-run", "--init", template, *words.split(), cwd=folder)
    assert done.returncode == 0, done.stderr
    text = (folder / f"{template}.sh").read_text()
    options = ["--mem=100", "--output=slurm-%j.out"]
    if template == "heterogeneous":  # `--init` fills in the part with GPUs
        assert "--ntasks-per-node=8" in text
        text = text.replace("--ntasks-per-node=8", "--ntasks-per-node=2")
        options = []
    if after:
        options.append(f"--dependency=afterany:{after}")
    return cluster.submit(text, folder, options, environ, [after] if after else [])


def test_every_template_for_slurm_runs_and_leaves_its_document(
    cluster: SlurmCluster, tmp_path: Path, environ: dict[str, str]
) -> None:
    """All at once, as many as the nodes take."""
    crashed = _submit(cluster, "single", CRASHING, tmp_path / "crashed", environ)
    sweep = _submit(cluster, "sweep", SWEEP, tmp_path / "sweep", environ)
    jobs = {}
    for name, case in CASES.items():
        words = f"{case.options} --time 5 -- {case.command}"
        jobs[name] = _submit(cluster, name, words, tmp_path / name, environ)
    merges = [
        _submit(cluster, "merge", "--time 5", tmp_path / name, environ, after=job)
        for name, job in (("sweep", sweep), ("crashed", crashed))
    ]
    _crash(cluster, crashed, tmp_path / "crashed")
    _ask_for_a_checkpoint(cluster, jobs["requeue"], tmp_path / "requeue")
    for name, job in jobs.items():
        finished = cluster.wait(job, tmp_path / name)
        assert finished.state == "COMPLETED", (name, finished.output)
        _check(name, CASES[name], only_job(tmp_path / name))
    for name, job in zip(("sweep", "crashed"), merges, strict=True):
        finished = cluster.wait(job, tmp_path / name)
        assert finished.state == "COMPLETED", finished.output
    _check_sweep(tmp_path / "sweep/yprov" / f"array_{sweep}")
    _check_crashed(tmp_path / "crashed")


def test_the_epilog_makes_the_document_of_a_job_that_was_killed(
    cluster: SlurmCluster, tmp_path: Path, environ: dict[str, str]
) -> None:
    at_rest = shutil.copy(cluster.epilog, tmp_path / "at_rest")
    assert run("yprov-run", "--init", "epilog", cwd=tmp_path).returncode == 0
    written = tmp_path / "epilog.sh"
    script = written.read_text()
    assert "=/opt/yprov-run/bin/" in script
    written.write_text(script.replace("=/opt/yprov-run/bin/", f"={BIN}/"))
    shutil.copy(written, cluster.epilog)  # with its mode
    try:
        job = _submit(cluster, "single", CRASHING, tmp_path, environ)
        _crash(cluster, job, tmp_path)
        cluster.wait(job, tmp_path)
        wait_until(lambda: list(tmp_path.glob("yprov/*/report.html")) != [], "the document", 60)
    finally:
        shutil.copy(at_rest, cluster.epilog)
    _check_crashed(tmp_path)


def _check(name: str, case: Case, folder: Path) -> None:
    job = documents.job(documents.load(folder / "prov.json"))
    found = (job["run:state"], job["run:taskCount"], job["run:stepCount"])
    assert found == ("completed", case.tasks, case.steps), (name, found)
    assert case.nodes in {0, job["run:nodeCount"]}, (name, job["run:nodeCount"])
    assert case.gpus in {0, job.get("run:gpuCount")}, (name, job.get("run:gpuCount"))
    assert json.loads(job["run:tags"])["template"] == name


def _check_sweep(folder: Path) -> None:
    """Each value has a document, and all have one together."""
    tags = [
        json.loads(documents.job(documents.load(path))["run:tags"])
        for path in folder.glob("*_*/prov.json")
    ]
    assert sorted(tag["lr"] for tag in tags) == ["1e-2", "1e-3", "3e-3", "3e-4"]
    assert {tag["template"] for tag in tags} == {"sweep"}
    assert (folder / "campaign.html").exists()
    assert (folder / "campaign/prov.json").exists()


def _crash(cluster: SlurmCluster, job_id: str, folder: Path) -> None:
    """Kill all of a job at once, as when its first node is lost, after samples were written."""

    def sampled() -> bool:
        found = folder.glob("yprov/*/record/steps/0/nodes/*.samples.csv")
        return any(path.read_bytes().count(b"\n") > 1 for path in found)

    wait_until(sampled, "samples", 90)
    cluster.run("scancel", "--full", "--signal=KILL", job_id)


def _check_crashed(folder: Path) -> None:
    job = documents.job(documents.load(only_job(folder) / "prov.json"))
    assert job["run:state"] in {"unknown", "killed", "failed"}
    assert job["run:gpuCount"] == 1


def _ask_for_a_checkpoint(cluster: SlurmCluster, job_id: str, folder: Path) -> None:
    """Signal the batch script as `--signal=B:USR1` does, and let the next attempt start soon."""
    wait_until(lambda: len(list(folder.glob("started.*"))) == 2, "the first attempt", 90)
    cluster.run("scancel", "--batch", "--signal=USR1", job_id)

    def is_queued_again() -> bool:
        shown = cluster.run("scontrol", "show", "job", job_id)
        return "Restarts=1" in shown and "JobState=PENDING" in shown

    wait_until(is_queued_again, "the requeue", 60)
    cluster.run("scontrol", "update", f"JobId={job_id}", "StartTime=now+3seconds")

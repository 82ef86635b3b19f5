"""Requeued jobs, array tasks, nodes that lack our Python: whose record is whose."""

from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support import documents, slurmfacts
from tests.support.commands import BIN, REPOSITORY, only_job
from tests.support.slurm import SlurmCluster, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.parametrize("cluster", ["linuxproc"], indirect=True)]

PATH = f"{BIN}:{os.environ['PATH']}"


def test_both_attempts_of_a_requeued_job_are_steps_of_one_record(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    script = (
        "#!/bin/bash\n#SBATCH -N1 -n2 --requeue --mem=100\n"
        "yprov-run -q srun sh -c 'echo attempt ${SLURM_RESTART_COUNT:-0}'\n"
        'if [ -z "$SLURM_RESTART_COUNT" ]; then scontrol requeue $SLURM_JOB_ID; sleep 60; fi\n'
    )
    job_id = cluster.submit(script, tmp_path, ["--open-mode=append"], {"PATH": PATH})
    again = tmp_path / "yprov" / f"job.sh_{job_id}" / "record/steps/1/end.json"
    # Slurm lets a requeued job wait for two minutes, unless it is told otherwise; a start in the
    # very second of the requeue is refused by its own nodes.
    wait_until(lambda: _is_pending(cluster, job_id), "the requeue", 60)
    cluster.run("scontrol", "update", f"JobId={job_id}", "StartTime=now+3seconds")
    wait_until(again.exists, "the second attempt", 90)
    finished = cluster.wait(job_id, tmp_path)
    assert finished.output.count("attempt 0") == finished.output.count("attempt 1") == 2
    job = only_job(tmp_path)
    steps = sorted((job / "record/steps").iterdir())
    assert [json.loads((step / "step.json").read_text())["restart"] for step in steps] == [0, 1]
    assert documents.job(documents.load(job / "prov.json"))["run:stepCount"] == 2


def _is_pending(cluster: SlurmCluster, job_id: str) -> bool:
    state = cluster.run("scontrol", "show", "job", job_id)
    return "Restarts=1" in state and "JobState=PENDING" in state


def test_each_task_of_an_array_has_a_record_of_its_own(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    script = (
        "#!/bin/bash\n#SBATCH -n1 --mem=100 --array=1-3\n"
        "yprov-run -q srun sh -c 'echo task $SLURM_ARRAY_TASK_ID'\n"
    )
    cluster.submit(script, tmp_path, environ={"PATH": PATH})
    wait_until(lambda: len(list(tmp_path.glob("yprov/*/prov.json"))) == 3, "three documents", 90)
    tasks = set()
    for path in tmp_path.glob("yprov/*/prov.json"):
        job = documents.job(documents.load(path))
        variables = json.loads(job["run:schedulerVariables"])
        tasks.add(variables["SLURM_ARRAY_TASK_ID"])
        assert job["run:state"] == "completed"
        assert job["run:taskCount"] == 1
    assert tasks == {"1", "2", "3"}


def test_the_members_of_a_heterogeneous_job_are_one_document(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    script = (
        "#!/bin/bash\n#SBATCH -N1 -n1 --mem=100\n#SBATCH hetjob\n#SBATCH -N2 -n3 --mem=100\n"
        "yprov-run -q srun --het-group=0,1 sh -c 'echo task $SLURM_PROCID; sleep 1'\n"
    )
    finished = cluster.batch(script, tmp_path, environ={"PATH": PATH})
    assert sorted(finished.output.split()) == sorted(["0", "1", "2", "3"] + ["task"] * 4)
    # A component of the job may come to accounting later than the other.
    wait_until(lambda: len(_components(cluster, finished.job_id)) == 2, "both components", 60)
    document = slurmfacts.merged(cluster, only_job(tmp_path))
    job = documents.job(document)
    assert (job["schema:identifier"], job["run:state"]) == (finished.job_id, "completed")
    members = _components(cluster, finished.job_id)
    assert [row["State"] for row in members] == ["COMPLETED"] * 2
    (second,) = json.loads(job["run:accountingMembers"])
    assert (second["JobIDRaw"], second["NodeList"]) == (
        members[1]["JobIDRaw"],
        members[1]["NodeList"],
    )
    assert job["run:accountingFinal"] == "true"
    steps = [r for r in slurmfacts.rows(cluster, finished.job_id) if r["JobIDRaw"].endswith(".0")]
    assert job["run:taskCount"] == sum(int(row["NTasks"]) for row in steps) == 4
    nodes = documents.of_type(document, "activity", "run:NodeExecution").values()
    hosts = ",".join(row["NodeList"] for row in members)
    listed = cluster.run("scontrol", "show", "hostnames", hosts).split()
    assert sorted(node["prov:label"] for node in nodes) == sorted(listed)
    assert [gap for gap in documents.gaps(document) if "killed with the step" not in gap] == []


def _components(cluster: SlurmCluster, job_id: str) -> list[slurmfacts.Row]:
    """Return the components of a heterogeneous job that have ended, known as a whole."""
    rows = slurmfacts.rows(cluster, job_id)
    return [row for row in rows if row["Partition"] and row["End"].isdigit()]


def test_a_step_has_the_same_name_in_accounting_and_nodes_that_no_task_was_on_are_named(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    steps = (
        "srun -n1 hostname\nyprov-run -q srun -n1 hostname\n"
        "yprov-run -q srun -n1 -J mine hostname\nyprov-run -q bash -c 'srun -n1 --exact hostname'\n"
    )
    script = f"#!/bin/bash\n#SBATCH -N2 -n2 --mem=100\n{steps}"
    finished = cluster.batch(script, tmp_path, environ={"PATH": PATH})
    rows = slurmfacts.rows(cluster, finished.job_id)
    names = {row["JobIDRaw"].partition(".")[2]: row["JobName"] for row in rows}
    assert [names[step] for step in "0123"] == ["hostname", "hostname", "mine", "hostname"]
    last = only_job(tmp_path) / "record/steps/2/step.json"
    assert "srun: where its program begins" in json.loads(last.read_text())["warning"]

    alone = tmp_path / "alone"
    alone.mkdir()
    cluster.batch(
        "#!/bin/bash\n#SBATCH -N3 -n3 --mem=100\nyprov-run -q true\n", alone,
        environ={"PATH": PATH},
    )  # fmt: skip
    (gap,) = documents.gaps(documents.load(only_job(alone) / "prov.json"))
    assert gap.startswith("job: no task was recorded on 2 of its 3 nodes (node")


def test_a_node_without_our_python_is_named_and_the_job_runs(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    python = _install_into(cluster.elsewhere)
    script = (
        "#!/bin/bash\n#SBATCH -N4 -n4 --mem=100\n"
        f"{python} -m yprov_run -q srun sh -c 'test -x {python} && echo has || echo lacks'\n"
        "echo status $?\n"
    )
    finished = cluster.batch(script, tmp_path, environ={"PATH": PATH})
    assert sorted(finished.output.split()) == sorted(["has"] * 3 + ["lacks", "status", "0"])
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert documents.job(document)["run:taskCount"] == 4
    named = [gap for gap in documents.gaps(document) if "no Python at" in gap]
    assert len(named) == 1
    assert "node4" in named[0]


def _install_into(folder: Path) -> str:
    """Put a Python of ours into a folder that the last node sees empty; return its path."""
    bin_folder = folder / "venv/bin"
    bin_folder.mkdir(parents=True)
    shutil.copy(Path(sys.executable).resolve(), bin_folder / "python")
    site = folder / "venv" / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    site.mkdir(parents=True)
    home = Path(sys.executable).resolve().parent
    (folder / "venv/pyvenv.cfg").write_text(f"home = {home}\n")
    (site / "ours.pth").write_text(f"{REPOSITORY}\n{sysconfig.get_path('purelib')}\n")
    return str(bin_folder / "python")

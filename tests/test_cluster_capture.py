"""On a real Slurm: what a person needs to run a job again, held against what Slurm says."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from pathlib import Path

import pytest

from tests.support import documents, slurmfacts
from tests.support.commands import BIN, only_job
from tests.support.secrets import PLANTED, leaks
from tests.support.slurm import SlurmCluster

pytestmark = pytest.mark.cluster


def test_an_array_job_of_two_steps_says_all_that_slurm_knows(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    """One task of an array, after another job, with a secret in its script and submit line."""
    path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    (tmp_path / "in.csv").write_text("1,2\n")
    before = cluster.submit("#!/bin/sh\ntrue\n", tmp_path)
    cluster.run(
        "scontrol", "create", "reservation", "reservationname=maint", "users=root",
        "starttime=now", "duration=10", "nodes=node1,node2",
    )  # fmt: skip
    script = f"""#!/bin/bash
#SBATCH -N 2 -A physics
#YPROV --input in.csv --tag run=base
export HF_TOKEN=planted-in-script
{"".join(f"# {planted.text}{chr(10)}" for planted in PLANTED)}\
yprov-run -q srun -N 2 sh -c 'sleep 1'
yprov-run -q srun -N 1 -n 1 sh -c 'exit 3'
"""
    options = ["--array=4-4", f"--dependency=afterok:{before}", "--comment=token=planted-in-line"]
    options += ["--reservation=maint"]
    words = [word for planted in PLANTED for word in shlex.split(planted.text)]
    job_id = cluster.submit(script, tmp_path, options, path, words)
    cluster.wait(f"{job_id}_4", tmp_path)
    cluster.run("scontrol", "delete", "reservationname=maint")
    document = slurmfacts.merged(cluster, only_job(tmp_path))
    job = documents.job(document)
    slurmfacts.hold(document, cluster, job["schema:identifier"])
    assert not [gap for gap in documents.gaps(document) if "scheduler" in gap]

    def told(field: str) -> str:
        listed = cluster.run("sacct", "-X", "-n", "-P", "-j", f"{job_id}_4", "-o", field)
        return listed.strip()

    assert job["run:account"] == told("Account") == "physics"
    assert job["run:accountingState"] == told("State") == "FAILED"
    assert job["run:accountingFinal"] == "true"
    assert job["run:allocatedTres"] == told("AllocTRES")
    assert job["run:submitLine"].startswith("sbatch ")
    assert "<redacted>" in job["run:submitLine"]
    assert job["run:reservation"] == "maint"  # the controller's word: accounting has it later
    steps = {step["id"].partition(".")[2]: step for step in json.loads(job["run:accountingSteps"])}
    assert steps["0"]["State"] == "COMPLETED"
    assert (steps["1"]["State"], steps["1"]["ExitCode"]) == ("FAILED", "3:0")
    assert float(steps["batch"]["MaxRSS"].rstrip("KMG")) > 0  # `22.50M` where that is exact
    (plan,) = [e for name, e in document["entity"].items() if name.startswith("batch_script/")]
    assert plan["schema:sha256"] == hashlib.sha256(script.encode()).hexdigest()
    assert json.loads(plan["run:directives"]) == ["-N 2 -A physics"]
    assert json.loads(job["run:tags"]) == {"run": "base"}
    assert any(entity.get("prov:label") == "in.csv" for entity in document["entity"].values())
    informants = {
        record["prov:role"]: document["activity"][record["prov:informant"]]["schema:identifier"]
        for record in document["wasInformedBy"].values()
        if "prov:role" in record
    }
    assert informants == {"dependency": before, "array": job_id}
    environments = documents.of_type(document, "entity", "run:Environment").values()
    assert all(json.loads(e["prov:value"])["SLURM_ARRAY_TASK_ID"] == "4" for e in environments)
    written = [file for file in only_job(tmp_path).rglob("*") if file.is_file()]
    assert not [file for file in written if b"planted-in" in file.read_bytes()]
    assert not leaks(only_job(tmp_path))


def test_a_requeued_job_has_both_of_its_starts(cluster: SlurmCluster, tmp_path: Path) -> None:
    script = """#!/bin/bash
yprov-run -q srun -n 1 true
if [ -z "$SLURM_RESTART_COUNT" ]; then scontrol requeue "$SLURM_JOB_ID"; sleep 60; fi
"""
    path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    job_id = cluster.submit(script, tmp_path, ["--requeue"], path)
    # Slurm holds a requeued job back for two minutes; a new start time sets it free.
    # Not at once: a start in the second of the requeue has its credential revoked.
    cluster.await_state(job_id, "PENDING")
    cluster.run("scontrol", "update", f"JobId={job_id}", "StartTime=now+3seconds")
    finished = cluster.wait(job_id, tmp_path)
    assert finished.state == "COMPLETED", finished.output
    document = slurmfacts.merged(cluster, only_job(tmp_path))
    slurmfacts.hold(document, cluster, job_id)
    job = documents.job(document)
    states = [start["State"] for start in json.loads(job["run:accountingStarts"])]
    assert (states[0], states[-1], job["run:stepCount"]) == ("REQUEUED", "COMPLETED", 2)
    facts = only_job(tmp_path) / "record/steps/1/captured/scheduler.json"
    assert json.loads(facts.read_text())["data"]["facts"]["Restarts"] == "1"

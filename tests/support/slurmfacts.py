"""A document's facts of its job, one by one, held against what Slurm says of the same job."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from tests.support import documents
from tests.support.commands import BIN, environment, run
from tests.support.slurm import SlurmCluster

_FIELDS = (
    "JobIDRaw", "JobName", "User", "Account", "Partition", "State", "ExitCode", "Start", "End",
    "NNodes", "NTasks", "NodeList", "AllocTRES",
)  # fmt: skip
Row = dict[str, str]


def merged(cluster: SlurmCluster, job_dir: Path) -> documents.Document:
    """Merge a job where accounting can be asked, and return its document, which must be valid."""
    env = {**environment(), **cluster.environ, "PATH": f"{BIN}:{cluster.environ['PATH']}"}
    done = run("yprov-merge", "-q", str(job_dir), cwd=job_dir, env=env)
    assert done.returncode == 0, done.stderr
    return documents.load(job_dir / "prov.json")


def rows(cluster: SlurmCluster, job_id: str) -> list[Row]:
    """Return what accounting has of a job: of each start of it, and then of its steps."""
    listed = cluster.run(
        "env", "SLURM_TIME_FORMAT=%s", "sacct", "-D", "-n", "-P", "-j", job_id, "-o",
        ",".join(_FIELDS),
    )  # fmt: skip
    every = (line.split("|") for line in listed.splitlines())
    return [dict(zip(_FIELDS, cells, strict=True)) for cells in every]


def hold(document: documents.Document, cluster: SlurmCluster, job_id: str) -> None:
    """Assert that the job and every one of its steps and nodes are as Slurm says."""
    every = rows(cluster, job_id)
    last = [row for row in every if row["JobIDRaw"] == job_id][-1]
    job = documents.job(document)
    assert job["schema:identifier"] == job_id
    assert job["prov:label"] == last["JobName"]
    assert job["run:partition"] == last["Partition"]
    assert job.get("run:account", "") == last["Account"]
    assert job["run:accountingState"] == last["State"]
    assert job["run:allocatedTres"] == last["AllocTRES"]
    agents = {agent["prov:label"] for agent in document["agent"].values()}
    assert {last["User"], "yprov-run", "slurm"} <= agents
    first = next(row for row in every if row["JobIDRaw"] == job_id)
    assert int(first["Start"]) <= _seconds(job["prov:startTime"])
    if last["State"] in {"COMPLETED", "FAILED"}:
        assert job["run:state"] == last["State"].lower()
        assert _seconds(job["prov:endTime"]) < int(last["End"]) + 1
    told = [row for row in every if row["JobIDRaw"].startswith(f"{job_id}.")]
    steps = documents.of_type(document, "activity", "run:Step")
    for name in sorted(steps, key=lambda name: int(name.partition("/")[2])):
        number = steps[name].get("run:schedulerStepId")
        launched = [row for row in told if row["JobIDRaw"].rpartition(".")[2].isdigit()]
        row = next(row for row in launched if number in {None, row["JobIDRaw"].rpartition(".")[2]})
        told.remove(row)  # a requeued job numbers its steps from 0 again
        _hold_step(documents.plain(steps[name]), row)
        if number is None:
            # Slurm kills what is left of a short step, maybe before an agent has said anything.
            where = name.replace("/", " ")
            assert [gap for gap in documents.gaps(document) if gap.startswith(where)]
        else:
            _hold_nodes(document, name, cluster, row)
    left = {row["JobIDRaw"].partition(".")[2] for row in told}
    assert left <= {"batch", "extern"}, left


def _hold_nodes(document: documents.Document, name: str, cluster: SlurmCluster, row: Row) -> None:
    step = documents.plain(document["activity"][name])
    nodes = [
        node["prov:label"]
        for node in documents.of_type(document, "activity", "run:NodeExecution").values()
        if node["dcterms:isPartOf"] == name
    ]
    hosts = cluster.run("scontrol", "show", "hostnames", row["NodeList"]).split()
    assert sorted(nodes) == sorted(hosts)
    assert step["run:nodeCount"] == step["run:expectedNodeCount"] == len(hosts)
    assert step["run:taskCount"] == step["run:expectedTaskCount"] == int(row["NTasks"])
    assert sum(json.loads(step["run:taskEndings"]).values()) == int(row["NTasks"])


def _hold_step(step: documents.Document, row: Row) -> None:
    assert _seconds(step["prov:startTime"]) < int(row["Start"]) + 1
    status, _, _ = row["ExitCode"].partition(":")
    if row["State"] == "COMPLETED":
        assert (step["run:state"], step["run:exitStatus"]) == ("completed", 0)
    elif row["State"] == "FAILED":
        assert (step["run:state"], step["run:exitStatus"]) == ("failed", int(status))
    else:
        assert row["State"].startswith("CANCELLED"), row
        by_status = step.get("run:exitStatus", 0) > 128  # the launcher's way to tell a signal
        assert by_status or step["run:state"] in {"killed", "unknown"}, step


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

"""Whose a record of the job's own program is: which job's, which step's, which task's."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import environment, only_job, run
from yprov_run.cli.fold import fold
from yprov_run.jobdir import JobDir

# A program that writes a document of itself while another one runs.
PROGRAM = """
import json, os, socket, sys
name, wait, done, *told = sys.argv[1:]
open(wait).read()
says = {"yprov:PID": str(os.getpid()), "yprov:host_name": socket.gethostname()} if told else {}
with open(f"prov_{name}_GR0_0.json", "w") as stream:
    json.dump({"marks": "yProv4ML", "activity": {name: says}}, stream)
open(done, "w").close()
"""
STEPS = """
mkfifo first last
yprov-run -q python3 program.py one first last {told} &
yprov-run -q sh -c ': > first; cat last' &
wait
"""
JOBS = """
mkfifo first second last
yprov-run -q --name one python3 program.py one first second told &
yprov-run -q --name two python3 program.py two second last told &
: > first; cat last
wait
"""


def _writer(document: documents.Document) -> str:
    (root,) = [value for key, value in document["activity"].items() if key.startswith("ml/")]
    return str(root["dcterms:isPartOf"])


def _names(job: Path) -> list[str]:
    document = documents.load(job / "prov.json")
    found = documents.of_type(document, "entity", "run:EmbeddedDocument").values()
    return [each["prov:label"] for each in found]


@pytest.mark.parametrize("told", ["told", ""])
def test_of_two_steps_at_once_it_is_that_whose_process_it_names_else_the_jobs(
    told: str, tmp_path: Path
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    done = run("yprov-run", "-q", "sh", "-c", STEPS.format(told=told), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    job = only_job(tmp_path)
    (step,) = [
        path.parent.name
        for path in job.glob("record/steps/*/step.json")
        if json.loads(path.read_text())["argv"][:2] == ["python3", "program.py"]
    ]
    assert _writer(documents.load(job / "prov.json")) == (f"task/{step}/0" if told else "job")


def test_the_step_does_not_hang_on_the_times_of_copies(tmp_path: Path) -> None:
    env = environment(SLURM_JOB_ID="4711", SLURM_JOB_NAME="two", YPROV_DIR=str(tmp_path / "jobs"))
    document = '{"marks": "yProv4ML", "activity": {"a": {}}}'
    for script in (f"echo '{document}' > prov_a.json", "true"):
        done = run("yprov-run", "-q", "sh", "-c", script, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
    job = tmp_path / "jobs/two_4711"
    before = (job / "prov.json").read_bytes()
    copied = shutil.copytree(job, tmp_path / "elsewhere/two_4711", copy_function=shutil.copyfile)
    (tmp_path / "prov_a.json").unlink()
    fold(JobDir(copied))
    assert (copied / "prov.json").read_bytes() == before
    assert _writer(documents.load(job / "prov.json")) == "task/0/0"


def test_a_document_of_the_job_just_before_is_not_the_next_ones(tmp_path: Path) -> None:
    for name, script in (("one", "echo yProv4ML > prov_a.json"), ("two", "true")):
        done = run("yprov-run", "-q", "--name", name, "sh", "-c", script, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert _names(tmp_path / "yprov/one_1") == ["prov_a.json"]
    assert _names(tmp_path / "yprov/two_2") == []


def test_a_document_written_a_moment_after_the_job_is_not_its(tmp_path: Path) -> None:
    assert run("yprov-run", "-q", "--name", "one", "true", cwd=tmp_path).returncode == 0
    job = tmp_path / "yprov/one_1"
    (tmp_path / "prov_a.json").write_text("yProv4ML")
    ended = (job / "record/steps/0/end.json").stat().st_mtime
    os.utime(tmp_path / "prov_a.json", (ended + 2, ended + 2))
    fold(JobDir(job))
    assert _names(job) == []


def test_of_two_jobs_at_once_in_one_folder_each_has_what_its_process_wrote(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    done = run("sh", "-c", JOBS, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for job in (tmp_path / "yprov").iterdir():
        fold(JobDir(job))
        name = job.name.partition("_")[0]
        assert _names(job) == [f"prov_{name}_GR0_0.json"]

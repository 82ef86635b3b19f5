"""Could a batch job be run again? Its document tells code, packages, inputs and outputs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support import documents
from tests.support.commands import BIN, environment, only_job
from tests.support.modulesystems import module_command
from tests.support.slurm import SlurmCluster

pytestmark = pytest.mark.cluster

_TRAIN = """
import os, pathlib, time
rank = os.environ["SLURM_PROCID"]
data = pathlib.Path("data.csv").read_text()
pathlib.Path(f"out/part-{rank}.ckpt").write_text(data * 2)
print("rank", rank)
time.sleep(2)
"""
_JOB = """#!/bin/bash
#SBATCH -N2 -n2
mkdir -p out
( {lmod}; module load app
  yprov-run --input data.csv --output out srun -N2 -n2 env/bin/python train.py )
( {tcl}; module load plain/2.0
  yprov-run srun -N1 -n1 --output=step-%t.log env/bin/python train.py )
"""


def test_a_batch_job_tells_its_code_packages_inputs_and_outputs(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "env"], cwd=folder, check=True)
    (site,) = (folder / "env/lib").glob("python3.*/site-packages")
    (site / "theirs-1.2.3.dist-info").mkdir()
    (site / "theirs-1.2.3.dist-info/METADATA").write_text("Name: theirs\nVersion: 1.2.3\n")
    (folder / "train.py").write_text("print('committed')\n")
    (folder / "data.csv").write_text("1,2\n")
    (folder / ".gitignore").write_text("*\n!train.py\n!.gitignore\n")
    git = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", *author, *words], cwd=folder, check=True, env=environment(**git))
    (folder / "train.py").write_text(_TRAIN)

    modules = tmp_path / "modules"
    for name in ("app/1.0", "plain/2.0"):
        (modules / name).parent.mkdir(parents=True)
        (modules / name).write_text("#%Module1.0\n")
    module = f'export MODULEPATH={modules}; module() {{ eval "$(%s "$@" 2>/dev/null)"; }}'
    names = {"lmod": "lmod", "tcl": "environment-modules"}
    systems = {short: module % module_command(name) for short, name in names.items()}

    path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    finished = cluster.batch(_JOB.format(**systems), folder, environ=path)
    assert finished.state == "COMPLETED", finished.output
    job = only_job(folder)
    document = documents.load(job / "prov.json")

    (code,) = documents.of_type(document, "entity", "run:CodeState").values()
    head = (folder / ".git/refs/heads/main").read_text().strip()
    assert (code["run:commit"], code["run:dirty"]) == (head, "true")
    (patch,) = job.glob("artifacts_GR0/code_*.patch")
    assert "+data = pathlib" in patch.read_text()

    (python,) = documents.of_type(document, "entity", "run:PythonEnvironment").values()
    assert python["run:prefix"] == str(folder / "env")
    (packages,) = job.glob("artifacts_GR0/packages_*.csv")
    assert packages.read_text().splitlines()[1:] == ["python,theirs,1.2.3,,,"]
    programs = documents.of_type(document, "entity", "run:Program").values()
    real = os.path.realpath(sys.executable)
    assert real in {program["prov:location"] for program in programs}

    files = documents.of_type(document, "entity", "run:File")
    # What the second step changed in place has an older version too, which has no role.
    by_path = {one["prov:location"]: one for one in files.values() if "prov:role" in one}
    assert by_path["data.csv"]["schema:sha256"] == hashlib.sha256(b"1,2\n").hexdigest()
    assert by_path["data.csv"]["prov:role"] == "input"
    for rank in (0, 1):
        output = by_path[f"out/part-{rank}.ckpt"]
        assert output["prov:role"] == "checkpoint"
        assert output["schema:sha256"] == hashlib.sha256(b"1,2\n1,2\n").hexdigest()
    assert by_path["step-0.log"]["prov:role"] == "log"
    assert any(path.endswith(f"slurm-{finished.job_id}.out") for path in by_path)
    assert documents.of_type(document, "entity", "run:NodeHardware")
    found = documents.of_type(document, "entity", "run:Module").values()
    assert {(one["prov:label"], one["run:moduleSystem"].split()[0]) for one in found} == {
        ("app/1.0", "Lmod"), ("plain/2.0", "Environment"),
    }  # fmt: skip

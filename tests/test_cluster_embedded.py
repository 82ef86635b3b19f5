"""The real yProv4ML in a job on the cluster: what each rank recorded is in the job's document."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support import documents
from tests.support.commands import BIN, REPOSITORY, only_job
from tests.support.slurm import SlurmCluster

pytestmark = [pytest.mark.cluster, pytest.mark.examples]

PROGRAM = REPOSITORY / "tests/programs/yprov4ml_train.py"
YPROV4ML = Path(sys.prefix) / "yprov4ml"


def test_two_ranks_of_yprov4ml_fold_in_with_nothing_lost(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    need([] if YPROV4ML.is_dir() else ["yProv4ML"], "embedding")
    script = (
        f"#!/bin/bash\n#SBATCH -N2 --ntasks-per-node=1\nyprov-run srun {sys.executable} {PROGRAM}\n"
    )
    environ = {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(YPROV4ML)}
    finished = cluster.batch(script, tmp_path, environ=environ, timeout_s=180)
    assert finished.output.count("recorded") == 2, finished.output
    document = documents.load(only_job(tmp_path) / "prov.json")
    for rank in (0, 1):
        (path,) = tmp_path.glob(f"prov/*/prov_real_GR{rank}_*.json")
        original = json.loads(path.read_text())
        base = f"ml/{path.stem}"
        for kind in ("entity", "activity", "agent"):
            found = [key for key in document[kind] if key.startswith(f"{base}/")]
            assert len(found) == len(original[kind]), (rank, kind)
        for kind in ("used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith"):
            start = f"{kind}/{base}/"
            found = [key for key in document[kind] if key.removeprefix(start).isdigit()]
            assert len(found) == len(original.get(kind, {})), (rank, kind)
        task = document["activity"][f"task/0/{rank}"]
        below = [r for key, r in document["activity"].items() if key.startswith(base)]
        assert sum(r.get("dcterms:isPartOf") == f"task/0/{rank}" for r in below) == 1
        node = document["activity"][task["dcterms:isPartOf"]]
        assert node["prov:label"] == f"node{rank + 1}"

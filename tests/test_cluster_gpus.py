"""GPUs that Slurm binds to tasks: the leader sees its own only, and none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import environment, only_job
from tests.support.slurm import SlurmCluster

pytestmark = pytest.mark.cluster


def test_gpus_that_only_their_own_task_sees_are_all_recorded(
    cluster: SlurmCluster, fake_nvml: Path, tmp_path: Path
) -> None:
    environ = environment(LD_LIBRARY_PATH=str(fake_nvml), FAKE_NVML_PER_TASK="1")
    script = "#!/bin/bash\n#SBATCH -N2 --ntasks-per-node=2 --gpus-per-task=1\n"
    script += "yprov-run srun sleep 5\n"
    finished = cluster.batch(script, tmp_path, environ=environ)
    assert finished.state == "COMPLETED", finished.output
    document = documents.load(only_job(tmp_path) / "prov.json")
    job = documents.job(document)
    assert (job["run:gpuCount"], job["run:taskCount"], job["run:nodeCount"]) == (4, 4, 2)
    assert [gap for gap in documents.gaps(document) if "GPU" in gap] == []
    powers = sorted(only_job(tmp_path).glob("metrics_GR0/gpu_power_*"))
    assert len(powers) == 4  # each task's agent sampled one
    assert all(path.read_text().count("\n") > 2 for path in powers)
    samples = documents.of_type(document, "entity", "run:SampleFile").values()
    assert len({record["prov:location"] for record in samples}) == 4

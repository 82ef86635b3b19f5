"""Write down what a task was given: its arguments and environment, in a file per rank."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# Different in every run, with us and without.
_VOLATILE = (
    "SLURM_JOB", "SLURM_STEP", "SLURM_TASK_PID", "SLURM_SRUN_COMM", "SLURM_LAUNCH",
    "SLURM_NODELIST",
    "SLURM_TOPOLOGY", "SLURMD_NODENAME", "SLURM_WORKING_CLUSTER", "SLURM_GTIDS", "SLURM_NODEID",
    "SLURM_LOCALID", "SLURM_CPUS_ON_NODE", "SLURM_TASKS_PER_NODE", "PMI_FD", "PMI_PORT", "PMI_ID",
    "HYDI_CONTROL_FD", "OMPI_MCA_orte", "OMPI_MCA_ess", "OMPI_FILE_LOCATION", "PMIX_", "YPROV_",
    "OMPI_MCA_initial", "OMPI_APP", "MPIR_", "OMPI_MCA_shmem", "_",
)  # fmt: skip


def main() -> None:
    """Write the file, and print the rank in one write."""
    for name in ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"):
        if name in os.environ:
            rank = os.environ[name]
            break
    else:
        rank = "?"
    environment = {
        name: value
        for name, value in sorted(os.environ.items())
        if not name.startswith(_VOLATILE) and name not in {"SHLVL", "PWD", "OLDPWD", "SHOW_DIR"}
    }
    given = json.dumps([sys.argv[1:], str(Path.cwd()), environment], indent=1, ensure_ascii=True)
    (Path(os.environ["SHOW_DIR"]) / f"rank{rank}").write_text(given)
    os.write(1, f"rank {rank}\n".encode())


if __name__ == "__main__":
    main()

"""PyTorch DistributedDataParallel on CPUs (gloo), for srun and mpirun: one process per rank.

    srun -N 4 --ntasks-per-node=2 python train_ddp.py
    mpirun -np 8 python train_ddp.py

The ranks find each other through a file in a folder that all of them see.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

_RANKS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
    ("RANK", "WORLD_SIZE"),
)


def rank_and_size() -> tuple[int, int]:
    """Return this process's rank and the number of ranks, as the launcher says; (0, 1) without."""
    for rank, size in _RANKS:
        if rank in os.environ and size in os.environ:
            return int(os.environ[rank]), int(os.environ[size])
    return 0, 1


def train(rank: int, seconds: float, out: Path) -> None:
    """Fit a small network to a known function until the time is over; rank 0 writes the model."""
    torch.manual_seed(rank)
    model = DistributedDataParallel(nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 1)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    until = time.monotonic() + seconds
    steps = 0
    go = torch.ones(1)
    while go.item():
        inputs = torch.randn(64, 16)
        loss = nn.functional.mse_loss(model(inputs), inputs.sum(dim=1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
        # The ranks must agree on the last step, or one would wait for the others for ever.
        go = torch.tensor([float(time.monotonic() < until)])
        dist.all_reduce(go, op=dist.ReduceOp.MIN)
        time.sleep(0.05)
    if rank == 0:
        out.mkdir(parents=True, exist_ok=True)
        torch.save(model.module.state_dict(), out / "model.pt")
        print(f"steps {steps} loss {loss.item():.4f} ranks {dist.get_world_size()}", flush=True)


def main() -> None:
    """Parse the arguments, meet the other ranks, train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--meet", type=Path, default=Path(".ddp"), help="folder all ranks see")
    arguments = parser.parse_args()
    rank, size = rank_and_size()
    torch.set_num_threads(1)
    arguments.meet.mkdir(parents=True, exist_ok=True)
    job = os.environ.get("SLURM_JOB_ID", "local") + "." + os.environ.get("SLURM_STEP_ID", "0")
    meeting = (arguments.meet / job).absolute()
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    try:
        train(rank, arguments.seconds, arguments.out)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()

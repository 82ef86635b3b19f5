"""Add up all ranks, by MPI from Python."""

from mpi4py import MPI

world = MPI.COMM_WORLD
total = world.reduce(world.Get_rank(), MPI.SUM)
if world.Get_rank() == 0:
    print(f"sum of {world.Get_size()}: {total}", flush=True)

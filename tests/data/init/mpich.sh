#!/bin/bash
# An MPI program under hydra, the launcher of Intel MPI and of MPICH.
#
#   sbatch mpich.sh [MORE ARGUMENTS OF THE PROGRAM]
#
#SBATCH --job-name=finetune
#SBATCH --partition=boost
#SBATCH --account=physics
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=6
#SBATCH --time=1-06:30:00
#SBATCH --output=%x-%j.out
#YPROV --tag template=mpich
##YPROV --input mesh.h5 --output results/

program=(python 'fine tune.py' --note 'it'"'"'s tuned' --lr=3e-4)

# What the program needs:
# module load intel-mpi

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# hydra starts its own helpers through Slurm, one on each node.
exec "${record[@]}" mpiexec.hydra -bootstrap slurm -n "$SLURM_NTASKS" \
    -ppn "$SLURM_NTASKS_PER_NODE" "${program[@]}" "$@"

#!/bin/bash
# An MPI program under Open MPI's own launcher.
#
#   sbatch openmpi.sh [MORE ARGUMENTS OF THE PROGRAM]
#
#SBATCH --job-name=finetune
#SBATCH --partition=boost
#SBATCH --account=physics
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=6
#SBATCH --time=1-06:30:00
#SBATCH --output=%x-%j.out
#YPROV --tag template=openmpi
##YPROV --input mesh.h5 --output results/

program=(python 'fine tune.py' --note 'it'"'"'s tuned' --lr=3e-4)

# What the program needs:
# module load openmpi

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# mpirun takes nodes and ranks from Slurm. Variables go to other nodes by `-x NAME`.
exec "${record[@]}" mpirun "${program[@]}" "$@"

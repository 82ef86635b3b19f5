#!/bin/bash
# An MPI program under Open MPI's own launcher.
#
#   sbatch openmpi.sh [MORE ARGUMENTS OF THE PROGRAM]
#
#SBATCH --job-name=simulate
##SBATCH --partition=cpu
##SBATCH --account=project
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=32
#SBATCH --time=01:00:00
#SBATCH --output=%x-%j.out
#YPROV --tag template=openmpi
##YPROV --input mesh.h5 --output results/

program=(./simulate)

# What the program needs:
# module load openmpi

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# mpirun takes nodes and ranks from Slurm. Variables go to other nodes by `-x NAME`.
exec "${record[@]}" mpirun "${program[@]}" "$@"

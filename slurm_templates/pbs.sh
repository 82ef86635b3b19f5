#!/bin/bash
# PBS: one MPI rank per GPU on several nodes.
# For one GPU on one node: select=1:ncpus=8:mpiprocs=1:ngpus=1
#
#   qsub pbs.sh
#
#PBS -N train
##PBS -q gpu
##PBS -A project
#PBS -l select=4:ncpus=32:mpiprocs=4:ngpus=4
#PBS -l place=scatter
#PBS -l walltime=01:00:00
#PBS -j oe
#YPROV --tag template=pbs

program=(python train.py)

# PBS starts a script in the home folder.
cd "$PBS_O_WORKDIR" || exit 1

# What the program needs:
# module load python cuda
# source "$HOME/venv/bin/activate"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# A line of the node file is a rank.
exec "${record[@]}" mpiexec -n "$(wc -l <"$PBS_NODEFILE")" "${program[@]}"

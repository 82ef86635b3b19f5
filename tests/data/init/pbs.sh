#!/bin/bash
# PBS: one MPI rank per GPU on several nodes.
# For one GPU on one node: select=1:ncpus=8:mpiprocs=1:ngpus=1
#
#   qsub pbs.sh
#
#PBS -N finetune
#PBS -q boost
#PBS -A physics
#PBS -l select=8:ncpus=32:mpiprocs=6:ngpus=2
#PBS -l place=scatter
#PBS -l walltime=30:30:00
#PBS -j oe
#YPROV --tag template=pbs

program=(python 'fine tune.py' --note 'it'"'"'s tuned' --lr=3e-4)

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

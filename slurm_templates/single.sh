#!/bin/bash
# One GPU on one node: a first training, or what one GPU makes of your program.
#
#   sbatch single.sh [MORE ARGUMENTS OF THE PROGRAM]
#
#SBATCH --job-name=train
##SBATCH --partition=gpu
##SBATCH --account=project
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --time=01:00:00
#SBATCH --output=%x-%j.out
#YPROV --tag template=single
##YPROV --input data/ --output checkpoints/

program=(python train.py)

# What the program needs:
# module load python cuda
# source "$HOME/venv/bin/activate"

# srun does not take this from the job by itself, since Slurm 22.05.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# `exec`: the batch system's signals go to yprov-run itself, which passes them on to the program.
exec "${record[@]}" srun "${program[@]}" "$@"

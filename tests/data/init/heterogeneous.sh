#!/bin/bash
# Two programs at once on different kinds of nodes: a simulation on CPUs, a training on GPUs.
#
#   sbatch heterogeneous.sh [MORE ARGUMENTS OF THE TRAINING]
#
#SBATCH --job-name=finetune
#SBATCH --output=%x-%j.out
# The part on CPUs.
#SBATCH --partition=boost
#SBATCH --account=physics
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --time=1-06:30:00
#SBATCH hetjob
# The part on GPUs.
#SBATCH --partition=boost
#SBATCH --account=physics
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=6
#SBATCH --cpus-per-task=12
#SBATCH --gpus-per-node=2
#SBATCH --time=1-06:30:00
#YPROV --tag template=heterogeneous

simulation=(./simulate)
program=(python 'fine tune.py' --note 'it'"'"'s tuned' --lr=3e-4)

# What the program needs:
# module load python cuda
# source "$HOME/venv/bin/activate"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# One step of both parts: it ends when both have ended.
exec "${record[@]}" srun --het-group=0 "${simulation[@]}" : \
    --het-group=1 --cpus-per-task="$SLURM_CPUS_PER_TASK_HET_GROUP_1" "${program[@]}" "$@"

#!/bin/bash
# Several steps in one job, prepare, train and evaluate, and one document of all of them.
#
#   sbatch steps.sh [MORE ARGUMENTS OF THE TRAINING]
#
#SBATCH --job-name=finetune
#SBATCH --partition=boost
#SBATCH --account=physics
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=6
#SBATCH --cpus-per-task=12
#SBATCH --gpus-per-node=2
#SBATCH --time=1-06:30:00
#SBATCH --output=%x-%j.out
#YPROV --tag template=steps
##YPROV --input data/ --output checkpoints/

prepare=(python prepare.py)
program=(python 'fine tune.py' --note 'it'"'"'s tuned' --lr=3e-4)
evaluate=(python evaluate.py)

# What the program needs:
# module load python cuda
# source "$HOME/venv/bin/activate"

# srun does not take this from the job by itself, since Slurm 22.05.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# At the time limit Slurm signals the steps, and this shell, which would die of it before the
# document is made.
trap : TERM

"${record[@]}" srun --nodes=1 --ntasks=1 "${prepare[@]}" &&
    "${record[@]}" srun "${program[@]}" "$@" &&
    "${record[@]}" srun --nodes=1 --ntasks=1 "${evaluate[@]}"

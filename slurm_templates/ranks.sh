#!/bin/bash
# One rank per GPU on several nodes, each started by srun itself.
# Take it for programs that find their rank in Slurm's variables (SLURM_PROCID, SLURM_LOCALID):
# PyTorch Lightning, JAX, MPI through PMIx, or a few lines of your own.
#
#   sbatch ranks.sh [MORE ARGUMENTS OF THE PROGRAM]
#
#SBATCH --job-name=train
##SBATCH --partition=gpu
##SBATCH --account=project
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=4
#SBATCH --time=01:00:00
#SBATCH --output=%x-%j.out
#YPROV --tag template=ranks
##YPROV --input data/ --output checkpoints/

program=(python train.py)

# What the program needs:
# module load python cuda
# source "$HOME/venv/bin/activate"

# Where the ranks meet, for what asks: the first node, which is the one that runs this script.
MASTER_ADDR=$(hostname)
MASTER_PORT=$((29500 + SLURM_JOB_ID % 1000))
export MASTER_ADDR MASTER_PORT WORLD_SIZE="$SLURM_NTASKS"

# srun does not take this from the job by itself, since Slurm 22.05.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# `exec`: the batch system's signals go to yprov-run itself, which passes them on to the program.
exec "${record[@]}" srun "${program[@]}" "$@"

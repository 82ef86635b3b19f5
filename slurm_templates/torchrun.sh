#!/bin/bash
# PyTorch on several nodes: srun starts one torchrun per node, which starts a worker per GPU.
# Take it for programs that expect torchrun's RANK, LOCAL_RANK and WORLD_SIZE.
#
#   sbatch torchrun.sh [MORE ARGUMENTS OF THE PROGRAM]
#
#SBATCH --job-name=train
##SBATCH --partition=gpu
##SBATCH --account=project
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --gpus-per-node=4
#SBATCH --time=01:00:00
#SBATCH --output=%x-%j.out
#YPROV --tag template=torchrun
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

# The workers meet on the first node, which is the one that runs this script.
workers=(torchrun --nnodes="$SLURM_JOB_NUM_NODES" --nproc-per-node="${SLURM_GPUS_ON_NODE:-1}"
    --rdzv-backend=c10d --rdzv-id="$SLURM_JOB_ID"
    --rdzv-endpoint="$(hostname):$((29500 + SLURM_JOB_ID % 1000))" --no-python)

exec "${record[@]}" srun "${workers[@]}" "${program[@]}" "$@"

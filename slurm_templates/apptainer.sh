#!/bin/bash
# A program in an Apptainer (or Singularity) container, one rank per GPU.
#
#   sbatch apptainer.sh [MORE ARGUMENTS OF THE PROGRAM]
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
#YPROV --tag template=apptainer
##YPROV --input data/ --output checkpoints/

image=image.sif
program=(python train.py)

# srun does not take this from the job by itself, since Slurm 22.05.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# yprov-run stays outside the container: the image needs nothing of it, and is recorded with its
# checksum. `--nv` is for NVIDIA's GPUs; AMD's take `--rocm`.
exec "${record[@]}" srun apptainer exec --nv "$image" "${program[@]}" "$@"

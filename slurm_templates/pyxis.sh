#!/bin/bash
# A program in a container by Slurm's plugin Pyxis, one rank per GPU.
#
#   sbatch pyxis.sh [MORE ARGUMENTS OF THE PROGRAM]
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
#YPROV --tag template=pyxis
##YPROV --input data/ --output checkpoints/

image=nvcr.io#nvidia/pytorch:25.01-py3
program=(python train.py)

# srun does not take this from the job by itself, since Slurm 22.05.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# The folder of the record must be seen in the container: it is mounted with this one. Power and
# use of the GPUs are sampled from inside, where yprov-run's own Python is mounted and runs too.
container=(--container-image="$image" --container-mounts="$PWD:$PWD" --container-workdir="$PWD")

exec "${record[@]}" srun "${container[@]}" "${program[@]}" "$@"

#!/bin/bash
# A program in a container by Slurm's plugin Pyxis, one rank per GPU.
#
#   sbatch pyxis.sh [MORE ARGUMENTS OF THE PROGRAM]
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
#YPROV --tag template=pyxis
##YPROV --input data/ --output checkpoints/

image=nvcr.io#nvidia/pytorch:25.01-py3
program=(python 'fine tune.py' --note 'it'"'"'s tuned' --lr=3e-4)

# srun does not take this from the job by itself, since Slurm 22.05.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# The folder of the record must be seen in the container: it is mounted with this one. Power and
# use of the GPUs are sampled from inside, where yprov-run's own Python is mounted and runs too.
container=(--container-image="$image" --container-mounts="$PWD:$PWD" --container-workdir="$PWD")

exec "${record[@]}" srun "${container[@]}" "${program[@]}" "$@"

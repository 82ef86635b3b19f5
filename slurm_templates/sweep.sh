#!/bin/bash
# One job for each value of a parameter, as an array, and one document of all of them.
#
# The second job waits until all have ended, however they did, and compares them: campaign.html.
#
#   yprov-run --init merge
#   sweep=$(sbatch --parsable sweep.sh)
#   sbatch --dependency=afterany:"$sweep" merge.sh "$sweep"
#
#SBATCH --job-name=train
##SBATCH --partition=gpu
##SBATCH --account=project
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --time=01:00:00
#SBATCH --array=0-3
#SBATCH --output=%x-%A_%a.out
#YPROV --tag template=sweep

values=(1e-2 3e-3 1e-3 3e-4)
value=${values[SLURM_ARRAY_TASK_ID]}
program=(python train.py)

# What the program needs:
# module load python cuda
# source "$HOME/venv/bin/activate"

# All tasks of the array in one folder, where merge.sh finds them.
export YPROV_DIR="${YPROV_DIR:-yprov}/array_$SLURM_ARRAY_JOB_ID"

# srun does not take this from the job by itself, since Slurm 22.05.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run --tag lr="$value")
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

exec "${record[@]}" srun "${program[@]}" --lr "$value" "$@"

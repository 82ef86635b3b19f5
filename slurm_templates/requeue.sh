#!/bin/bash
# A training longer than the time limit: it writes a checkpoint when told, and is queued again.
#
# 120 s before the limit the program gets SIGUSR1. It must then write its checkpoint and end with
# status 0, and go on from a checkpoint that it finds. All attempts stand in one document.
#
#   sbatch requeue.sh [MORE ARGUMENTS OF THE PROGRAM]
#
#SBATCH --job-name=train
##SBATCH --partition=gpu
##SBATCH --account=project
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=4
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.out
#YPROV --tag template=requeue
##YPROV --input data/ --output checkpoints/

program=(python train.py)
most_attempts=20

# What the program needs:
# module load python cuda
# source "$HOME/venv/bin/activate"

# srun does not take this from the job by itself, since Slurm 22.05.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# The signal comes to this shell only, which can take it only while it waits.
"${record[@]}" srun "${program[@]}" "$@" &
running=$!
told=
trap 'told=yes; kill -s USR1 "$running"' USR1
# That of the time limit comes to yprov-run as well: this shell must outlive the document's making.
trap : TERM

# A signal ends `wait` early.
wait "$running"
status=$?
while kill -s 0 "$running" 2>/dev/null; do
    wait "$running"
    status=$?
done

attempts=$((${SLURM_RESTART_COUNT:-0} + 1))
if [ -n "$told" ] && [ "$status" -eq 0 ] && [ "$attempts" -lt "$most_attempts" ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"

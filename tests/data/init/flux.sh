#!/bin/bash
# Flux: one rank per GPU on several nodes.
# For one GPU on one node: --nodes=1 here, and one GPU below.
#
#   flux batch flux.sh [MORE ARGUMENTS OF THE PROGRAM]
#
# flux: --job-name=finetune
# flux: --queue=boost
# flux: --bank=physics
# flux: --nodes=8
# flux: --exclusive
# flux: --time-limit=1830m
#YPROV --tag template=flux

gpus_per_node=2
program=(python 'fine tune.py' --note 'it'"'"'s tuned' --lr=3e-4)

# What the program needs:
# module load python cuda
# source "$HOME/venv/bin/activate"

# Where yprov-run is not on the PATH, the job runs all the same, unrecorded.
record=(yprov-run)
command -v yprov-run >/dev/null || { record=(); echo "no yprov-run: not recorded" >&2; }

# The size of a batch job's own Flux is its number of nodes.
nodes=$(flux getattr size)
exec "${record[@]}" flux run --nodes="$nodes" --ntasks="$((nodes * gpus_per_node))" \
    --gpus-per-task=1 "${program[@]}" "$@"

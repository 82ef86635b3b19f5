#!/bin/bash
# Makes the documents of jobs that have ended, however they did: also after a crash or a lost node.
# Of several jobs, or of an array (sweep.sh), also one document of all, and campaign.html.
#
#   sbatch --dependency=afterany:4711 merge.sh 4711
#
#SBATCH --job-name=merge
##SBATCH --partition=cpu
##SBATCH --account=project
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --time=00:15:00
#SBATCH --output=%x-%j.out

# A job by its number, the tasks of an array by their folder.
shopt -s nullglob
jobs=()
for number in "$@"; do
    tasks=("${YPROV_DIR:-yprov}/array_$number"/*_*/)
    jobs+=("${tasks[@]:-$number}")
done

exec yprov-merge "${jobs[@]}"

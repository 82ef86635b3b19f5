#!/bin/bash
# A multi-node training job, recorded by yprov-run.
#
#   sbatch train_multinode.sh --epochs 50
#
# Adapt what is between the lines of hashes. If the time limit (or scancel) ends the job, the program
# gets SIGTERM as it would without yprov-run; the document is made in the seconds that Slurm leaves
# (KillWait). If even that was too short, or a node died:  yprov-merge JOB_ID

########################################################################
#SBATCH --job-name=train
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=2
#SBATCH --gpus-per-node=2
#SBATCH --time=01:00:00
#SBATCH --output=slurm-%j.out

PROGRAM=(python train.py)
# module load python cuda
# source "$HOME/venv/bin/activate"
########################################################################

set -u
# Beside this script in the folder of submission, or where YPROV_TEMPLATES says.
# shellcheck source=slurm_templates/yprov.inc.sh
source "${YPROV_TEMPLATES:-$SLURM_SUBMIT_DIR}/yprov.inc.sh"

yprov_exec --tag template=train_multinode srun "${PROGRAM[@]}" "$@"

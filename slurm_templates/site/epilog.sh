#!/bin/bash
# A Slurm epilog that makes the documents of jobs which were killed before yprov-run could.
#
#   Epilog=/opt/yprov-run/epilog.sh    in slurm.conf
#
# Slurm runs it as root on each node when a job ends, and takes a node out of service on which it
# cannot: keep the file executable (mode 0755), where all nodes see it. It acts on the job's first
# node only, and asks the controller once for that. The merge is the user's own process, with the
# user's rights, in a session of its own, so that the node is free at once. The status is always 0:
# any other would take the node out of service.

########################################################################
yprov_merge=/opt/yprov-run/bin/yprov-merge
base=yprov        # `dir` of the site's configuration: from the job's folder, if relative
limit=10m         # a merge that takes longer is ended
# Slurm gives an epilog no PATH: the system's folders, and that of `scontrol` and `sacct`.
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/slurm/bin
########################################################################

job=$(timeout 10 scontrol show job "$SLURM_JOB_ID" 2>/dev/null |
    awk -v first="JobId=$SLURM_JOB_ID" 'BEGIN { RS = "" } $1 == first')
host=$(sed -n 's/^ *BatchHost=//p' <<<"$job")
folder=$(sed -n 's/^ *WorkDir=//p' <<<"$job")
[ -n "$folder" ] && [ "$host" = "$SLURMD_NODENAME" ] || exit 0

# Runs as the user. An orphan has a step without an end, or with an end after its document.
# shellcheck disable=SC2016
merge_orphans='
    cd "$1" || exit
    for job in "$2"/*_"$3" "$2"/array_*/*_"$3"; do
        [ -d "$job/record/steps" ] || continue
        for step in "$job"/record/steps/*/; do
            if [ ! -e "$step/end.json" ] || [ ! "$job/prov.json" -nt "$step/end.json" ]; then
                "$4" --quiet "$job"
                break
            fi
        done
    done'

home=$(getent passwd "$SLURM_JOB_USER" | cut -d: -f6)
setsid runuser -u "$SLURM_JOB_USER" -- \
    env -i PATH="$PATH" HOME="$home" YPROV_DIR="$base" ${SLURM_CONF:+SLURM_CONF="$SLURM_CONF"} \
    timeout "$limit" bash -c "$merge_orphans" orphans \
    "$folder" "$base" "$SLURM_JOB_ID" "$yprov_merge" </dev/null >/dev/null 2>&1 &

exit 0

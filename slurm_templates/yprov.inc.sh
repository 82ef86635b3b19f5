# shellcheck shell=bash
# Two words for batch scripts of your own.
#
#   source "$(yprov-run --template include)"
#
#   yprov_exec srun python train.py    the script's last command: it takes the shell's place, so
#                                      that it gets each of the batch system's signals itself
#   yprov_step srun python prepare.py  a command with others after it
#
# Both run the command bare, with one warning, where yprov-run is not installed.

# One folder for all jobs of this project, seen from every node, also after a `cd`: unless a
# configuration file names one, over which the variable would go.
if [ -z "${YPROV_DIR:-}" ] && ! grep -Eqs '^["'\'']?dir["'\'']? *:' /etc/yprov/config.yaml \
    "${XDG_CONFIG_HOME:-${HOME:-}/.config}/yprov/config.yaml" yprov.yaml; then
    export YPROV_DIR="${SLURM_SUBMIT_DIR:-$PWD}/yprov"
fi

yprov_exec() {
    if command -v yprov-run >/dev/null 2>&1; then
        exec yprov-run "$@"
    fi
    echo "yprov_exec: yprov-run is not on the PATH; running without a record" >&2
    exec "$@"
}

# The shell would die of the time limit's SIGTERM at once, and Slurm would kill the rest before the
# document is made: so it passes the signal on and waits.
yprov_step() {
    local pid status again traps
    if ! command -v yprov-run >/dev/null 2>&1; then
        echo "yprov_step: yprov-run is not on the PATH; running without a record" >&2
        "$@"
        return
    fi
    yprov-run "$@" <&0 &
    pid=$!
    traps=$(trap -p TERM USR1 USR2)
    # Nothing here may fail by itself: under `set -e` that would end the script, and with it the job.
    trap 'kill -s TERM "$pid" 2>/dev/null || :' TERM
    trap 'kill -s USR1 "$pid" 2>/dev/null || :' USR1
    trap 'kill -s USR2 "$pid" 2>/dev/null || :' USR2
    while :; do
        status=0
        wait "$pid" || status=$?
        # Above 128: a trap ended the waiting, or the command died of a signal.
        if [ "$status" -le 128 ]; then break; fi
        if kill -0 "$pid" 2>/dev/null; then continue; fi
        again=0
        wait "$pid" || again=$?
        if [ "$again" -ne 127 ]; then status=$again; fi
        break
    done
    trap - TERM USR1 USR2
    eval "$traps" # the script's own
    return "$status"
}

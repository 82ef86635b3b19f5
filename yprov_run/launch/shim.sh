# Sourced by every task of a step, before its program; settings stand above this line.
# It must never fail the task: no output, no `exit` but the last, every write may be refused.
# Where there can be no more processes, some shells end at once: then they still run the program.
trap 'exec "$@"' EXIT
# To others a signal is an end like any other: what ends the task must not start its program.
_yprov_signals='HUP INT QUIT TERM USR1 USR2 ALRM PIPE XCPU'
for _yprov_signal in $_yprov_signals; do
  # shellcheck disable=SC2064 # each with the name that the variable has now
  trap "trap - EXIT $_yprov_signal; kill -$_yprov_signal $$" "$_yprov_signal"
done
_yprov_node=${SLURMD_NODENAME:-}
# hydra hands the tasks on all nodes this variable as it is on its own.
case $_yprov_ranks,${MPI_LOCALRANKID:-},$_yprov_node in any,?*,?*)
  _yprov_node=
  { read -r _yprov_node </proc/sys/kernel/hostname; } 2>/dev/null || :
  _yprov_node=${_yprov_node%%.*}
  ;;
esac
[ -n "$_yprov_node" ] || { read -r _yprov_node </proc/sys/kernel/hostname; } 2>/dev/null || :
case $_yprov_node in '' | */* | .*) _yprov_node=node ;; esac
_yprov_boot=
{ read -r _yprov_boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || :
_yprov_base=$_yprov_nodes/$_yprov_node-${_yprov_boot%%-*}

# Open MPI tells a program its own name and arguments: else they would be the shell's.
case $_yprov_ranks,${OMPI_COMMAND:-} in
  openmpi,sh)
    OMPI_COMMAND=${1##*/}
    _yprov_program=$1
    shift
    export OMPI_ARGV="$*"
    [ $# -gt 0 ] || unset OMPI_ARGV
    set -- "$_yprov_program" "$@"
    ;;
esac

# srun hands a task its program by its whole path, by which scripts find what lies beside them; both
# it and Open MPI also run what lies in the working directory, which a shell's exec does not.
_yprov_program=$1
case $_yprov_ranks,$1 in
  any,* | *,/* | openmpi,*/*) ;;
  slurm,.*) _yprov_program=$PWD/$1 ;;
  *)
    _yprov_found=./$1
    [ "$_yprov_ranks" = slurm ] || _yprov_found=$PWD/$1
    case $1 in
      */*) ;;
      *) [ ! -f "$_yprov_found" ] || [ ! -x "$_yprov_found" ] || _yprov_program=$_yprov_found ;;
    esac
    _yprov_left=${PATH:-}:
    while [ -n "$_yprov_left" ]; do
      _yprov_found=${_yprov_left%%:*}/$1 _yprov_left=${_yprov_left#*:}
      if [ -f "$_yprov_found" ] && [ -x "$_yprov_found" ]; then
        _yprov_program=$_yprov_found
        [ "$_yprov_ranks" = slurm ] || _yprov_program=$1
        break
      fi
    done
    ;;
esac
if [ "$_yprov_program" != "$1" ]; then
  shift
  set -- "$_yprov_program" "$@"
fi

_yprov_rank=0 _yprov_local=0
case $_yprov_ranks in
  slurm) _yprov_rank=${SLURM_PROCID:-} _yprov_local=${SLURM_LOCALID:-} ;;
  openmpi)
    _yprov_rank=${OMPI_COMM_WORLD_RANK:-} _yprov_local=${OMPI_COMM_WORLD_LOCAL_RANK:-}
    ;;
  any)
    # MPI's own variables first: its daemons may have been started by Slurm, as tasks of another step.
    _yprov_rank=${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-${PMI_RANK:-${PALS_RANKID:-${FLUX_TASK_RANK:-${JSM_NAMESPACE_RANK:-${ALPS_APP_PE:-${SLURM_PROCID:-}}}}}}}}
    _yprov_local=${OMPI_COMM_WORLD_LOCAL_RANK:-${MPI_LOCALRANKID:-${PALS_LOCAL_RANKID:-${PMI_LOCAL_RANK:-${FLUX_TASK_LOCAL_ID:-${JSM_NAMESPACE_LOCAL_RANK:-${SLURM_LOCALID:-}}}}}}}
    ;;
esac
# Nobody says who is first on this node: the task that makes this file is.
if [ -z "$_yprov_local" ] && (set -C && : >"$_yprov_base.leader") 2>/dev/null; then
  _yprov_local=0
fi

# A file size limit would kill the task for a line of ours.
trap '' XFSZ 2>/dev/null || :
{
  printf 'task %s %s %s %s\n' "${_yprov_rank:--}" "${_yprov_local:--}" "$$" \
    "${CUDA_VISIBLE_DEVICES:-${ROCR_VISIBLE_DEVICES:-${ZE_AFFINITY_MASK:--}}}" >>"$_yprov_base.tasks"
} 2>/dev/null || :
trap - XFSZ 2>/dev/null || :

# Where Slurm binds GPUs to tasks, each task sees its own only: its GPUs need an agent of their own.
_yprov_agent=
if [ "$_yprov_local" = 0 ]; then
  _yprov_agent=$_yprov_base
elif [ "$_yprov_ranks" = slurm ] && [ -n "$_yprov_local" ]; then
  case ${SLURM_GPUS_PER_TASK:+gpu},${SLURM_GPU_BIND:-},${SLURM_TRES_PER_TASK:-} in
    *gpu* | *single* | *closest* | *per_task*) _yprov_agent=$_yprov_base+$_yprov_local ;;
  esac
fi

# The node's leader starts the agent: not as the program's child, holding none of its streams.
if [ -n "$_yprov_agent" ] && [ -x "$_yprov_python" ]; then
  (
    trap '' HUP INT QUIT TERM USR1 USR2 ALRM PIPE XFSZ TSTP TTIN TTOU
    exec </dev/null >/dev/null 2>>"$_yprov_base.tasks" || exit 0
    # A launcher may wait for its pipes to the task to be closed. The agent closes all of them, but
    # a node may be slow in starting it. (A shell can close those of one digit.)
    exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    cd / || exit 0
    unset LD_PRELOAD
    [ -z "${SLURMD_NODENAME:-}" ] || SLURMD_NODENAME=$_yprov_node
    "$_yprov_python" -I -S -c "$_yprov_boot_agent" "$_yprov_path" "$_yprov_agent" "$$" \
      "$_yprov_ranks" "$_yprov_interval" &
  ) 2>/dev/null || :
elif [ "$_yprov_local" = 0 ]; then
  { printf 'agent: no Python at %s\n' "$_yprov_python" >>"$_yprov_base.tasks"; } 2>/dev/null || :
fi

# Where the program cannot be run, a task of srun ends with the number of the error (ENOENT, EACCES)
# and a line of its own; the shell's exec would end with 127 or 126.
if [ "$_yprov_ranks" = slurm ] && { [ ! -f "$1" ] || [ ! -x "$1" ]; }; then
  trap - EXIT
  if [ -e "$1" ]; then
    echo "slurmstepd: error: execve(): $1: Permission denied" >&2
    exit 13
  fi
  echo "slurmstepd: error: execve(): $1: No such file or directory" >&2
  exit 2
fi

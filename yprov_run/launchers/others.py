"""flux run, jsrun, ibrun and aprun: from their documentation only, never run here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yprov_run.launchers.grammar import Options, Placement, programs, untouched

# Of aprun; for the others they mean nothing.
_OF_TWO_LETTERS = {"-cc": 1, "-cp": 1, "-sl": 1, "-sn": 1, "-ss": 0}


def _options(values: str, flags: str, glued: str = "", short_flags: str = "") -> Options:
    return Options(
        values={**_OF_TWO_LETTERS, **{f"--{name}": 1 for name in values.split()}},
        flags=frozenset(f"--{name}" for name in (flags + " help version").split()),
        glued=glued,
        short_flags=short_flags,
        asks_no_program=frozenset({"--help", "--version", "-h"}),
    )


LAUNCHERS = {
    "flux": _options(
        """ntasks cores-per-task gpus-per-task nodes cores tasks-per-node tasks-per-core
        gpus-per-node queue bank time-limit setopt setattr env env-remove env-file rlimit input
        output error urgency job-name cwd flags dependency begin-time requires conf add-file
        signal wait-event taskmap""",
        "exclusive label-io unbuffered watch dry-run debug verbose quiet",
        glued="ncgNqBtoS",
        short_flags="xluvh",
    ),
    "jsrun": _options(
        """nrs tasks_per_rs cpu_per_rs gpu_per_rs rs_per_host rs_per_socket np bind
        launch_distribution latency_priority env env_eval env_no_propagate smpiargs stdio_input
        stdio_mode stdio_stdout
        stdio_stderr chdir erf_input erf_output exit_on_error memory_per_rs use_resources
        save_resources appfile print_placement progress tasks_per_cpu task_dest pre_post_exec
        allocate_only use_reservation hosts exclude_hosts""",
        "immediate",
        glued="nacgrKpbdlEFDMSIUJotkXmfhHx",
        short_flags="i",
    ),
    "ibrun": _options("", "", glued="no", short_flags=""),
    "aprun": _options(
        """pes pes-per-node cpus-per-pe pes-per-numa-node numa-nodes-per-node cpu-binding
        cpu-binding-file cpus-per-cu access-mode environment-override memory-per-pe node-list
        node-list-file exclude-node-list exclude-node-list-file process-affinity reservation
        specialized-cpus cpu-time-limit protection-domain p-governor p-state depth debug
        architecture mpmd-env""",
        "batch-args bypass-app-transfer quiet relaunch-never strict-memory sync-output",
        glued="nNdScjFemLlEprtDPaR",
        short_flags="bBqTh",
    ),
}


def place(argv: Sequence[str], search_path: str) -> Placement | None:
    """Find the programs in a command of one of these launchers; None if the command is none."""
    del search_path  # their names tell
    if not argv or Path(argv[0]).name not in LAUNCHERS:
        return None
    name = Path(argv[0]).name
    skipped = 0
    if name == "flux":
        if len(argv) < 2 or argv[1] != "run":
            return None
        skipped = 1
    found, reason = programs(argv[skipped:], LAUNCHERS[name])
    if not found:
        return untouched(name, "any", reason)
    return Placement(name, "any", tuple(index + skipped for index in found))

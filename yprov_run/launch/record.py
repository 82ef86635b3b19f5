"""What a launch writes: the job and the step before it starts, the end after it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from yprov_run import __version__
from yprov_run.capture import identity
from yprov_run.jobdir import (
    SCHEMA_VERSION,
    JobDir,
    StepDir,
    open_job_dir,
    same_number,
    write_once,
)
from yprov_run.launch.plan import Plan, ShimSettings, import_path, shim_text
from yprov_run.launch.supervise import Outcome
from yprov_run.light import TYPE_CHECKING
from yprov_run.redaction.text import redact_argv, redact_json, redact_text, redact_variable
from yprov_run.schedulers import detect
from yprov_run.schedulers.facts import SchedulerFacts

if TYPE_CHECKING:
    from yprov_run.capture.files import Captured
    from yprov_run.model import Json

JOB_DIR_VARIABLE = "YPROV_JOB_DIR"
_PRIVATE = 0o600
_JOB_KEY = ("scheduler", "cluster", "number")
_ATTEMPT = ("restart", "started_s")
# Where tasks of an array share the number; Slurm gives each its own.
_ARRAY_TASK = ("PBS_JOBID", "LSB_JOBINDEX")


def open_job(base: Path, name: str, scheduler: SchedulerFacts, tags: Mapping[str, str]) -> JobDir:
    """Make or join the job's directory and write what is known of the job. Raises OSError."""
    name = redact_text(name)  # it is the folder's too
    job_identity: Json = {
        "scheduler": scheduler.scheduler,
        "cluster": scheduler.cluster,
        "number": scheduler.number,
        "user": identity.user_name(),
    }
    directory = open_job_dir(
        base.absolute(), name, scheduler.number, job_identity, _attempt(scheduler)
    )
    write_once(
        directory.job_file,
        _dump(
            {
                "schema": SCHEMA_VERSION,
                "version": __version__,
                "identity": job_identity,
                "name": name,
                "number": directory.number,
                "directory": str(base / directory.path.name),
                "tags": {key: redact_variable(key, value) for key, value in tags.items()},
                "created_ms": time.time_ns() // 1_000_000,
                "user": identity.user(),
                "platform": identity.platform_facts(),
                "scheduler": {**scheduler._asdict(), "variables": dict(scheduler.variables)},
            }
        ),
    )
    return directory


def record_step(
    step: StepDir,
    argv: Sequence[str],
    plan: Plan,
    interval_s: float,
    tags: Mapping[str, str],
    restart: int,
    capture: bool = True,
    options: Sequence[str] = (),
) -> None:
    """Write the step's command and its shim, whole, before anything is launched.

    `restart` is how often the scheduler had started the job anew by then; without `capture`
    nothing is recorded of the step but the launch, its nodes, and named files. `options` are those
    of yprov-run that ask for the same record again.
    """
    settings = ShimSettings(
        nodes_dir=step.nodes_dir,
        python=sys.executable,
        import_path=import_path(),
        ranks=plan.placement.ranks,
        interval_s=interval_s,
    )
    write_once(step.shim, shim_text(settings, os.environ))
    if plan.program_file:
        write_once(step.programs, plan.program_file, _PRIVATE)
    write_once(
        step.command,
        _dump(
            {
                "schema": SCHEMA_VERSION,
                "argv": redact_argv(argv),
                "options": redact_argv(options),
                "launcher": plan.placement.launcher,
                "recorded_on_nodes": plan.is_recorded,
                "warning": plan.placement.warning,
                "cwd": str(Path.cwd()),
                "host": identity.host_name(),
                "boot_id": identity.boot_id(),
                "pid": os.getpid(),
                "start_ticks": identity.start_ticks(os.getpid()),
                "started_ms": time.time_ns() // 1_000_000,
                "interval_s": interval_s,
                "restart": restart,
                **({} if capture else {"capture": False}),
                "tags": {key: redact_variable(key, value) for key, value in tags.items()},
            }
        ),
    )


def record_end(step: StepDir, outcome: Outcome) -> None:
    """Write how the step's command ended. Raises OSError."""
    with contextlib.suppress(OSError):
        step.programs.unlink()  # its launcher has read it, and it may hold credentials
    write_once(step.end, _dump({"schema": SCHEMA_VERSION, **outcome._asdict()}))


def record_files(step: StepDir, captured: Captured) -> None:
    """Write the step's input and output files. Raises OSError."""
    from dataclasses import asdict

    fields = {name: redact_json(value) for name, value in asdict(captured).items()}
    write_once(step.files, _dump({"schema": SCHEMA_VERSION, **fields}))


def record_worth(step: StepDir, worth: Json) -> None:
    """Write how much work the step did, and what a kWh emits and costs. Raises OSError."""
    fields = {name: redact_json(value) for name, value in worth.items()}
    write_once(step.worth, _dump({"schema": SCHEMA_VERSION, **fields}))


def enclosing_job(environ: Mapping[str, str]) -> JobDir | None:
    """Return the job inside which this launch happens, if a launch of ours started us.

    sbatch and its like hand the environment on, and with it the variable, to what is another job.
    """
    path = environ.get(JOB_DIR_VARIABLE, "")
    directory = JobDir(Path(path))
    if path and directory.is_ours() and _is_of(directory, detect(environ)):
        return directory
    return None


def _attempt(scheduler: SchedulerFacts) -> dict[str, int | None]:
    return {name: getattr(scheduler, name) for name in _ATTEMPT}


def _is_of(directory: JobDir, scheduler: SchedulerFacts) -> bool:
    """Tell whether a directory is this very job's; not where its record does not say."""
    try:
        first = json.loads(directory.job_file.read_text())["scheduler"]
        return (
            all(first[name] == getattr(scheduler, name) for name in _JOB_KEY)
            and all(
                first["variables"].get(name) == scheduler.variables.get(name)
                for name in _ARRAY_TASK
            )
            and same_number({name: first[name] for name in _ATTEMPT}, _attempt(scheduler))
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _dump(fields: Json) -> str:
    return json.dumps(fields, indent=1, sort_keys=True) + "\n"

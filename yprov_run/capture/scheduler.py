"""The job as its scheduler has it while it lives: asked once a job, after the launch, bounded."""

from __future__ import annotations

import json
from dataclasses import replace

from yprov_run.capture import batchscript
from yprov_run.capture.program import ProgramError, ask
from yprov_run.capture.scene import Scene
from yprov_run.kinds.scheduler import Captured
from yprov_run.redaction.text import redact_variable
from yprov_run.schedulers import answers, detect
from yprov_run.schedulers.showjob import parse_show_job

LIMIT_S = 2.0
_MAX_BYTES = 1 << 20
_LSF_FIELDS = (
    "jobid jobindex stat user queue job_name proj_name application service_class job_group rsvid "
    "dependency command from_host exec_host nexec_host submit_time start_time runtimelimit "
    "effective_resreq sub_cwd exec_cwd output_file error_file"
)
# Which of their own fields names what a job waited for. Flux forgets it when the job starts.
_DEPENDENCIES = {"pbs": "depend", "lsf": "DEPENDENCY"}


def take(scene: Scene) -> Captured | None:
    """Return what the scheduler says of this job, or None where there is no scheduler."""
    facts = detect(scene.environ)
    if facts.number is None:
        return None
    captured = Captured(scheduler=facts.scheduler)
    if (step := _asked_before(scene)) is not None:
        return replace(captured, same_as=step)
    problems: list[str] = []
    try:
        captured = (
            _slurm(scene, facts.number)
            if facts.scheduler == "slurm"
            else _other(scene, facts.scheduler)
        )
    except ProgramError as error:
        problems.append(str(error))
    try:
        captured = batchscript.add(captured, scene, facts.number)
    except ProgramError as error:
        problems.append(f"batch script: {error}")
    dependency = scene.environ.get("SLURM_JOB_DEPENDENCY") or captured.dependency
    return replace(
        captured, dependency=dependency, problems=(*captured.problems, *problems)
    )  # fmt: skip


def _asked_before(scene: Scene) -> int | None:
    """Return an earlier step of the same start of the job that has the answer: one call a job."""
    restart = scene.environ.get("SLURM_RESTART_COUNT", "0")
    for step in scene.job.steps():
        if step.number >= scene.step.number:
            break
        try:
            data = json.loads(step.captured("scheduler").read_text())["data"]
            if data["facts"].get("Restarts", "0") == restart and data["facts"]:
                return step.number
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None


def _slurm(scene: Scene, number: str) -> Captured:
    command = ["scontrol", "-o", "show", "job", number]
    said = ask(command, LIMIT_S, _MAX_BYTES, scene.environ)
    found = parse_show_job(said.output.decode("utf-8", "replace"), number)
    if not found:
        raise ProgramError(f"scontrol says nothing of job {number}")
    dependency = found.get("Dependency", "")
    return Captured(
        scheduler="slurm",
        source=" ".join(command),
        facts=_redacted(found),
        dependency="" if dependency == "(null)" else dependency,
    )


def _other(scene: Scene, scheduler: str) -> Captured:
    """Ask another scheduler's own command, by its documentation."""
    asked = {"pbs": _pbs, "lsf": _lsf, "flux": _flux}[scheduler]
    try:
        command, found = asked(scene)
    except (ValueError, RecursionError) as error:
        raise ProgramError(f"{scheduler}: its answer is not understood: {error}") from error
    fields = _redacted(found)
    dependency = fields.get(_DEPENDENCIES.get(scheduler, ""), "")
    return Captured(scheduler, " ".join(command), fields, dependency=dependency)


def _pbs(scene: Scene) -> tuple[list[str], dict[str, str]]:
    job_id = scene.environ["PBS_JOBID"]
    command = ["qstat", "-f", "-F", "json", job_id]
    try:
        return command, answers.pbs(_said(command, scene), job_id)
    except (ProgramError, ValueError):
        # Torque has no JSON, and PBS does not always write what JSON is.
        command = ["qstat", "-f", job_id]
        return command, answers.pbs_text(_said(command, scene))


def _lsf(scene: Scene) -> tuple[list[str], dict[str, str]]:
    job_id, index = scene.environ["LSB_JOBID"], scene.environ.get("LSB_JOBINDEX", "0")
    name = job_id if index in {"", "0"} else f"{job_id}[{index}]"
    command = ["bjobs", "-json", "-o", _LSF_FIELDS, name]
    return command, answers.lsf(_said(command, scene))


def _flux(scene: Scene) -> tuple[list[str], dict[str, str]]:
    command = ["flux", "jobs", "--json", scene.environ["FLUX_JOB_ID"]]
    return command, answers.flux(_said(command, scene))


def _said(command: list[str], scene: Scene) -> str:
    return ask(command, LIMIT_S, _MAX_BYTES, scene.environ).output.decode("utf-8", "replace")


def _redacted(found: dict[str, str]) -> dict[str, str]:
    return {name: redact_variable(name, value) for name, value in found.items()}

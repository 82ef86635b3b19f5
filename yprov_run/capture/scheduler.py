"""The job as its scheduler has it while it lives: asked once a job, after the launch, bounded."""

from __future__ import annotations

import json
from dataclasses import replace

from yprov_run.capture import batchscript
from yprov_run.capture.program import ProgramError, ask
from yprov_run.capture.scene import Scene
from yprov_run.kinds.scheduler import Captured
from yprov_run.redaction.text import redact_variable
from yprov_run.schedulers import detect
from yprov_run.schedulers.showjob import parse_show_job

LIMIT_S = 2.0
_MAX_BYTES = 1 << 20
# Flux and PBS answer in JSON, LSF in a table: each by its documented command.
_COMMANDS = {
    "pbs": (["qstat", "-f", "-F", "json"], "PBS_JOBID"),
    "lsf": (["bjobs", "-json", "-o", "jobid stat queue proj_name sub_cwd submit_time dependency"],
            "LSB_JOBID"),
    "flux": (["flux", "jobs", "--json"], "FLUX_JOB_ID"),
}  # fmt: skip


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
    """Ask another scheduler's own command; its answer is kept as it stands, flattened."""
    words, variable = _COMMANDS[scheduler]
    command = [*words, scene.environ[variable]]
    said = ask(command, LIMIT_S, _MAX_BYTES, scene.environ)
    try:
        answer = json.loads(said.output)
    except ValueError as error:
        raise ProgramError(f"{words[0]}: its answer is not JSON") from error
    return Captured(scheduler, " ".join(command), _redacted(_flat(answer)))


def _flat(value: object, name: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        parts = [(f"{name}.{key}" if name else str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        parts = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
    else:
        return {name: str(value)}
    return {key: text for name, item in parts for key, text in _flat(item, name).items()}


def _redacted(found: dict[str, str]) -> dict[str, str]:
    return {name: redact_variable(name, value) for name, value in found.items()}

"""What PBS, LSF and Flux answer of a job, in the forms that their documentation gives.

Each answer becomes fields by the scheduler's own names; of several jobs in one answer, only the
one that was asked for.
"""

from __future__ import annotations

import json
import re

# The job's whole environment: what is kept of that, `environment` decides.
_NOT_RECORDED = ("Variable_List",)
_TEXT_FIELD = re.compile(r"^ {4}(?P<name>[A-Za-z][\w.]{0,80}) = (?P<value>.*)$")
_MAX_FIELDS = 500
_MAX_VALUE = 65_536
_MAX_DEPTH = 8


def pbs(answer: str, job_id: str) -> dict[str, str]:
    """Return the fields of `qstat -f -F json JOB`. ValueError for anything else.

    PBS does not quote all that JSON wants in quotes; then the text form has to be asked for.
    """
    jobs = _mapping(json.loads(answer), "Jobs")
    return _flat({name: value for name, value in _one(jobs, job_id).items()
                  if name not in _NOT_RECORDED})  # fmt: skip


def pbs_text(answer: str) -> dict[str, str]:
    """Return the fields of `qstat -f JOB`: `name = value`; long ones go on after a tab."""
    fields: dict[str, str] = {}
    name = ""
    for line in answer.splitlines():
        match = _TEXT_FIELD.match(line)
        if match is not None:
            name = match["name"]
            fields.setdefault(name, match["value"])
        elif line.startswith("\t") and name:
            fields[name] = (fields[name] + line.strip())[:_MAX_VALUE]
        if len(fields) > _MAX_FIELDS:
            break
    return {key: value for key, value in fields.items() if key not in _NOT_RECORDED}


def lsf(answer: str) -> dict[str, str]:
    """Return the fields of `bjobs -json -o ... JOB`. ValueError for anything else."""
    records = _mapping(json.loads(answer), "").get("RECORDS")
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        raise ValueError("it names no job")
    if "ERROR" in records[0]:
        raise ValueError(str(records[0]["ERROR"])[:200])
    return {name: text for name, text in _flat(records[0]).items() if text not in {"", "-"}}


def flux(answer: str) -> dict[str, str]:
    """Return the fields of `flux jobs --json JOB`: a job, or a list of one. ValueError else."""
    found = _mapping(json.loads(answer), "")
    jobs = found.get("jobs", [found])
    if not isinstance(jobs, list) or len(jobs) != 1 or "id" not in _mapping(jobs[0], ""):
        raise ValueError("it does not name the job")
    return _flat(jobs[0])


def _one(jobs: dict[str, object], job_id: str) -> dict[str, object]:
    """Return the job of this id; the server's name behind it may be long or short."""
    short = job_id.partition(".")[0]
    for name, job in jobs.items():
        if name == job_id or name.partition(".")[0] == short:
            return _mapping(job, "")
    raise ValueError("it does not name the job")


def _mapping(value: object, name: str) -> dict[str, object]:
    found = value.get(name) if name and isinstance(value, dict) else value
    if not isinstance(found, dict):
        raise ValueError("it does not name the job")
    return found


def _flat(value: object, name: str = "", depth: int = 0) -> dict[str, str]:
    """Return a structure as fields, `Resource_List.ncpus`; at most 500, at most eight deep."""
    parts: list[tuple[str, object]]
    if depth < _MAX_DEPTH and isinstance(value, dict):
        parts = [(f"{name}.{key}" if name else str(key), item) for key, item in value.items()]
    elif depth < _MAX_DEPTH and isinstance(value, list):
        parts = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
    else:
        return {name: str(value)[:_MAX_VALUE]}
    fields: dict[str, str] = {}
    for key, item in parts[:_MAX_FIELDS]:
        fields |= _flat(item, key, depth + 1)
        if len(fields) > _MAX_FIELDS:
            break
    return fields

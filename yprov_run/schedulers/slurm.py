"""Slurm: a job's facts from the variables that it sets for batch scripts and steps."""

from __future__ import annotations

import re
from collections.abc import Mapping

from yprov_run.redaction.text import redact_variable
from yprov_run.schedulers.facts import SchedulerFacts

# SLURM_JWT is a credential. The others are addresses and tables of no use after the job.
_NOT_RECORDED = re.compile(r"JWT|TOKEN|SECRET|PASSW|_ADDR$|PMI|MPI_|_KEY|CREDENTIAL|AUTH")
_MAX_VALUE = 4096
_MAX_HOSTS = 100_000


def facts(environ: Mapping[str, str]) -> SchedulerFacts | None:
    """Return the job's facts, or None outside a Slurm job."""
    number = environ.get("SLURM_JOB_ID", "")
    if not number.isdigit():
        return None
    return SchedulerFacts(
        scheduler="slurm",
        number=number,
        name=environ.get("SLURM_JOB_NAME", ""),
        cluster=environ.get("SLURM_CLUSTER_NAME", ""),
        user=environ.get("SLURM_JOB_USER", ""),
        account=environ.get("SLURM_JOB_ACCOUNT", ""),
        restart=_integer(environ.get("SLURM_RESTART_COUNT")) or 0,
        started_s=_integer(environ.get("SLURM_JOB_START_TIME")),
        ends_s=_integer(environ.get("SLURM_JOB_END_TIME")),
        variables=variables(environ),
    )


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return Slurm's variables, sorted, without secrets and cut to 4,096 characters each."""
    return {
        name: redact_variable(name, environ[name])[:_MAX_VALUE]
        for name in sorted(environ)
        if name.startswith(("SLURM_", "SLURMD_", "SBATCH_")) and not _NOT_RECORDED.search(name)
    }


def expand_hostlist(text: str) -> list[str]:
    """Return the hosts of a Slurm host list, `n[1-2,7],login` as n1 n2 n7 login.

    Raises ValueError if the text is not a host list, or names more than 100,000 hosts.
    """
    hosts: list[str] = []
    for part in _split_outside_brackets(text):
        hosts.extend(_expand_part(part))
        if len(hosts) > _MAX_HOSTS:
            raise ValueError(f"host list of more than {_MAX_HOSTS} hosts")
    return hosts


def _split_outside_brackets(text: str) -> list[str]:
    if not re.fullmatch(r"(?:[^\[\]]|\[[0-9,-]+\])*", text):
        raise ValueError(f"not a host list: {text[:80]!r}")
    return [part for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text) if part]


def _expand_part(part: str) -> list[str]:
    prefix, bracket, rest = part.partition("[")
    if not bracket:
        return [part]
    ranges, _, suffix = rest.partition("]")
    tails = _expand_part(suffix) if suffix else [""]
    return [
        f"{prefix}{number}{tail}"
        for span in ranges.split(",")
        for number in _expand_range(span)
        for tail in tails
    ]


def _expand_range(span: str) -> list[str]:
    low, dash, high = span.partition("-")
    if not dash:
        return [low]
    if int(high) - int(low) > _MAX_HOSTS:
        raise ValueError(f"host list of more than {_MAX_HOSTS} hosts")
    return [str(number).zfill(len(low)) for number in range(int(low), int(high) + 1)]


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None

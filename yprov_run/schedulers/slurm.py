"""Slurm: a job's facts from the variables that it sets for batch scripts and steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from yprov_run.numerals import of_digits
from yprov_run.redaction.text import redact_variable
from yprov_run.schedulers.facts import SchedulerFacts

# SLURM_JWT is a credential. The others are addresses and tables of no use after the job.
_NOT_RECORDED = re.compile(r"JWT|TOKEN|SECRET|PASSW|_ADDR$|PMI|MPI_|_KEY|CREDENTIAL|AUTH")
_MAX_VALUE = 4096
_MAX_HOSTS = 100_000
_MAX_BRACKETS = 8


def facts(environ: Mapping[str, str]) -> SchedulerFacts | None:
    """Return the job's facts, or None outside a Slurm job."""
    number = environ.get("SLURM_JOB_ID", "")
    if of_digits(number) is None:
        return None
    return SchedulerFacts(
        scheduler="slurm",
        number=number,
        name=environ.get("SLURM_JOB_NAME", ""),
        cluster=environ.get("SLURM_CLUSTER_NAME", ""),
        user=environ.get("SLURM_JOB_USER", ""),
        account=environ.get("SLURM_JOB_ACCOUNT", ""),
        restart=of_digits(environ.get("SLURM_RESTART_COUNT", "")) or 0,
        started_s=of_digits(environ.get("SLURM_JOB_START_TIME", "")),
        ends_s=of_digits(environ.get("SLURM_JOB_END_TIME", "")),
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
    named = (host for part in _split_outside_brackets(text) for host in _expand_part(part))
    hosts = list(islice(named, _MAX_HOSTS + 1))
    if len(hosts) > _MAX_HOSTS:
        raise ValueError(f"host list of more than {_MAX_HOSTS} hosts")
    return hosts


def _split_outside_brackets(text: str) -> list[str]:
    if not re.fullmatch(r"(?:[^\[\]]|\[[0-9,-]+\])*", text):
        raise ValueError(f"not a host list: {text[:80]!r}")
    return [part for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text) if part]


def _expand_part(part: str) -> Iterator[str]:
    prefix, bracket, rest = part.partition("[")
    if not bracket:
        yield part
        return
    if rest.count("[") >= _MAX_BRACKETS:
        raise ValueError(f"not a host list: {part[:80]!r}")
    ranges, _, suffix = rest.partition("]")
    for span in ranges.split(","):
        for number in _expand_range(span):
            for tail in _expand_part(suffix) if suffix else ("",):
                yield f"{prefix}{number}{tail}"


def _expand_range(span: str) -> Iterator[str]:
    first, dash, last = span.partition("-")
    low, high = of_digits(first), of_digits(last if dash else first)
    if low is None or high is None:
        raise ValueError(f"not a host list: {span[:80]!r}")
    return (str(number).zfill(len(first)) for number in range(low, high + 1))

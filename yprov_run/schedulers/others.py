"""PBS, LSF and Flux: a job's facts from their variables, by their documentation.

Read only where one of their variables is set.
"""

from __future__ import annotations

from collections.abc import Mapping

from yprov_run.numerals import of_digits
from yprov_run.redaction.text import redact_variable
from yprov_run.schedulers.facts import SchedulerFacts

_PREFIXES = {"pbs": ("PBS_",), "lsf": ("LSB_", "LS_"), "flux": ("FLUX_",)}
_NOT_RECORDED = ("TOKEN", "SECRET", "PASSW", "COOKIE", "_KEY", "CREDENTIAL", "AUTH", "_URI")
_MAX_VALUE = 4096
_BASE_58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def facts(environ: Mapping[str, str]) -> SchedulerFacts | None:
    """Return the facts of a PBS, LSF or Flux job, or None outside of these."""
    return _pbs(environ) or _lsf(environ) or _flux(environ)


def _pbs(environ: Mapping[str, str]) -> SchedulerFacts | None:
    """`PBS_JOBID` is `123.server`, or `123[4].server` for the fourth of an array."""
    number, _, server = environ.get("PBS_JOBID", "").partition(".")
    number, bracket, index = number.partition("[")
    if of_digits(number) is None:
        return None
    index = index.rstrip("]")
    name = environ.get("PBS_JOBNAME", "") or "job"
    return SchedulerFacts(
        scheduler="pbs",
        number=number,
        name=f"{name}-{index}" if bracket and index else name,
        cluster=server or environ.get("PBS_SERVER", ""),
        user=environ.get("PBS_O_LOGNAME", ""),
        account=environ.get("PBS_ACCOUNT", ""),
        variables=_variables("pbs", environ),
    )


def _lsf(environ: Mapping[str, str]) -> SchedulerFacts | None:
    """`LSB_JOBINDEX` is 0 outside an array."""
    number = environ.get("LSB_JOBID", "")
    if of_digits(number) is None:
        return None
    index = environ.get("LSB_JOBINDEX", "0")
    name = environ.get("LSB_JOBNAME", "").partition("[")[0] or "job"
    return SchedulerFacts(
        scheduler="lsf",
        number=number,
        name=name if index in {"", "0"} else f"{name}-{index}",
        cluster=environ.get("LSF_CLUSTER_NAME", ""),
        user=environ.get("LSB_JOB_USER", "") or environ.get("LSFUSER", ""),
        account=environ.get("LSB_PROJECT_NAME", ""),
        variables=_variables("lsf", environ),
    )


def _flux(environ: Mapping[str, str]) -> SchedulerFacts | None:
    """`FLUX_JOB_ID` is the job's number in base 58 after an f, or in decimal."""
    text = environ.get("FLUX_JOB_ID", "")
    number = text if of_digits(text, 20) is not None else _from_base_58(text)
    if not number:
        return None
    return SchedulerFacts(
        scheduler="flux",
        number=number,
        name=environ.get("FLUX_JOB_NAME", ""),
        variables=_variables("flux", environ),
    )


def _from_base_58(text: str) -> str:
    digits = text[1:]
    if text[:1] not in {"\u0192", "f"} or not digits or any(d not in _BASE_58 for d in digits):
        return ""
    number = 0
    for digit in digits[:20]:
        number = number * 58 + _BASE_58.index(digit)
    return str(number)


def _variables(scheduler: str, environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: redact_variable(name, environ[name])[:_MAX_VALUE]
        for name in sorted(environ)
        if name.startswith(_PREFIXES[scheduler]) and not any(word in name for word in _NOT_RECORDED)
    }

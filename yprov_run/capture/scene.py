"""What a capture is given: the launch as yprov-run knows it."""

from __future__ import annotations

from collections.abc import Mapping

from yprov_run.jobdir import JobDir, StepDir
from yprov_run.light import NamedTuple


class Scene(NamedTuple):
    """One launched command; nothing in it is redacted yet.

    `argv` is the command as the user gave it, `pid` the process that it was started as (the
    launcher's, where there is one) and `cwd` its folder. `ended_ms` is None while it runs.
    `env_patterns` name variables that are kept beside the usual ones; `*` is all.
    """

    job: JobDir
    step: StepDir
    argv: tuple[str, ...]
    launcher: str
    environ: Mapping[str, str]
    cwd: str = ""
    pid: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    started_ms: int | None = None
    ended_ms: int | None = None
    env_patterns: tuple[str, ...] = ()

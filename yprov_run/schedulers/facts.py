"""The form in which every scheduler's facts are kept."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from yprov_run.light import NamedTuple


class SchedulerFacts(NamedTuple):
    """A job as its scheduler names it; `number` is None where there is no scheduler.

    `variables` are the scheduler's own, without any that could be a secret.
    """

    scheduler: str
    number: str | None = None
    name: str = ""
    cluster: str = ""
    user: str = ""
    account: str = ""
    restart: int = 0
    started_s: int | None = None
    ends_s: int | None = None
    variables: Mapping[str, str] = MappingProxyType({})

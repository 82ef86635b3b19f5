"""What is captured, by kind: the table, and in a file for each kind what its record holds.

The recording half fills these dataclasses (`capture/<kind>.py`) and writes them; the reading half
restores them (`merge/captured.py`). Both halves know them from here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from yprov_run.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    Moment = Literal["launch", "end"]


@dataclass(frozen=True)
class Kind:
    """A kind of capture: `launch` kinds run beside the job, `end` kinds when it has ended.

    `yprov_run.kinds.NAME.Captured` is its dataclass and `yprov_run.capture.NAME.take` its
    function. It is killed after `limit_s`, and its record is refused beyond `max_bytes`.
    """

    name: str
    moment: Moment
    limit_s: float
    max_bytes: int = 1 << 20


_HURRIED_S = 5.0

# In the order in which they run, one after the other: first what may be gone soonest.
KINDS: tuple[Kind, ...] = (
    Kind("before", "launch", 15.0),
    Kind("scheduler", "launch", 5.0, 4 << 20),
    Kind("environment", "launch", 5.0),
    Kind("modules", "launch", 5.0),
    Kind("container", "launch", 5.0),
    Kind("code", "launch", 25.0, 8 << 20),
    Kind("software", "launch", 15.0, 8 << 20),
    Kind("binaries", "end", 25.0, 8 << 20),
    Kind("inside", "end", 5.0),
)


def hurried() -> tuple[Kind, ...]:
    """Return the kinds for a job that is being ended: no more time than its scheduler may leave."""
    return tuple(
        Kind(kind.name, kind.moment, min(kind.limit_s, _HURRIED_S), kind.max_bytes)
        for kind in KINDS
    )

"""What only the scheduler's accounting knows of a job: read at a merge, kept beside the record."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """One line of accounting: a job, one of its starts, or a step, by `sacct`'s own field names."""

    id: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return a field, or an empty text."""
        value = self.fields.get(name, "")
        return "" if value in {"Unknown", "None", "(null)"} else value

    @property
    def state(self) -> str:
        """The state, one word: COMPLETED, TIMEOUT, OUT_OF_MEMORY, CANCELLED..."""
        return self.get("State").partition(" ")[0]


@dataclass(frozen=True)
class Captured:
    """What `sacct` said: `starts` of the job, oldest first (a requeue begins another), and `steps`.

    `members` are the other components of a heterogeneous job, each a job of its own to Slurm; their
    steps are among `steps`. `asked_ms` is when (UTC). `final`: the job had ended, and nothing will
    change any more.
    """

    asked_ms: int = 0
    source: str = ""
    starts: tuple[Entry, ...] = ()
    steps: tuple[Entry, ...] = ()
    members: tuple[Entry, ...] = ()
    final: bool = False

    @property
    def state(self) -> str:
        """The state of the job's last start, one word."""
        return self.starts[-1].state if self.starts else ""

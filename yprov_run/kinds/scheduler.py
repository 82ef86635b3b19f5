"""The job as its scheduler had it while it lived, and the batch script that it was."""

from __future__ import annotations

from dataclasses import dataclass, field

from yprov_run.audience import EVERYBODY


@dataclass(frozen=True)
class BatchScript:
    """A batch script: its text without credentials, and the SHA-256 of what was submitted.

    `source` is the command or file that it was had from; `directives` are the options in its
    `#SBATCH` (or `#PBS`, `#BSUB`, `#FLUX:`) lines; `text` is cut at `cut_at` characters, if it is.
    """

    text: str = ""
    sha256: str = ""
    source: str = ""
    directives: tuple[str, ...] = ()
    cut_at: int | None = None


@dataclass(frozen=True)
class Captured:
    """What a scheduler said of a job; `same_as` is the step whose capture holds for this one too.

    `facts` are the scheduler's own fields by its own names; `source` is the command that gave
    them. `inputs`, `outputs` and `tags` are from the script's `#YPROV` lines. `dependency` is in
    the scheduler's spelling, as far as it is known. `mode` is who may read the script's text.
    """

    scheduler: str = ""
    source: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    script: BatchScript | None = None
    dependency: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    same_as: int | None = None
    mode: int = EVERYBODY
    problems: tuple[str, ...] = ()

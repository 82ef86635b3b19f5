"""What was there when the job began: beside this record, in a list of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Captured:
    """How many files were seen, and the folders all of whose files were."""

    file_count: int = 0
    folders: tuple[str, ...] = ()

"""The program's environment variables, as far as they tell how it ran."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Captured:
    """Variables by name; values that are credentials are replaced, long ones cut.

    `left_out` is the number of variables that no pattern names, `cut` names those that were cut.
    """

    variables: dict[str, str] = field(default_factory=dict)
    left_out: int = 0
    cut: tuple[str, ...] = ()

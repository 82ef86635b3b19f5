"""The one error that a person sees: a clear line, and the exit status that goes with it."""

from __future__ import annotations

MISUSE = 2


class YprovError(Exception):
    """Something the user can mend; its text says what, where and what to do."""

    def __init__(self, message: str, exit_code: int = MISUSE) -> None:
        super().__init__(message)
        self.exit_code = exit_code

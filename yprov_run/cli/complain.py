"""One line on stderr: all that a person ever hears of us while a job runs."""

from __future__ import annotations

import sys


def complain(program: str, message: str) -> None:
    """Write one line to stderr; what cannot be written is let go."""
    if sys.stderr is None:  # closed before we were started; print would take stdout instead
        return
    line = f"{program}: {message}".replace("\n", " ")
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, UnicodeError):
        return

"""One line on stderr: all that a person ever hears of us while a job runs."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def complain(program: str, message: str) -> None:
    """Write one line to stderr; what cannot be written is let go."""
    if sys.stderr is None:  # closed before we were started; print would take stdout instead
        return
    line = f"{program}: {message}".replace("\n", " ")
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, UnicodeError):
        return


@contextmanager
def answering(program: str) -> Iterator[None]:
    """Write stdout to its end; where that is refused, end with one line; none if nobody reads."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:  # not of a stream
            raise
        if error.errno != errno.EPIPE:
            complain(program, f"stdout: {error.strerror}")
        # What is left would be tried, and complained about, once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)

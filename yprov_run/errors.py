"""The one error that a person sees: a clear line, and the exit status that goes with it."""

from __future__ import annotations

from collections.abc import Iterable

MISUSE = 2


class YprovError(Exception):
    """Something the user can mend; its text says what, where and what to do."""

    def __init__(self, message: str, exit_code: int = MISUSE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def said(error: OSError, path: object) -> str:
    """Return what the system refuses and where: at `path` unless the error names another."""
    return f"{error.filename or path}: {error.strerror or error}"


def meant(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` for a word that is close to a known one; else nothing."""
    # Here and not above: only those who mistype wait for it.
    from difflib import get_close_matches

    by_lower = {one.lower(): one for one in known}
    close = get_close_matches(word.lower(), by_lower, 1)
    if not close and len(word) > 2:
        close = [one for one in by_lower if one.startswith(word.lower())][:1]
    return f"; did you mean {by_lower[close[0]]}?" if close else ""

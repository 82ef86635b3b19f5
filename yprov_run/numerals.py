"""Numbers in words that others wrote: variables, kernel files, names, documents."""

from __future__ import annotations

_MAX_DIGITS = 18  # all of them stay below that


def of_digits(word: str, most: int = _MAX_DIGITS) -> int | None:
    """Return the number that a word of ASCII digits says; None for any other, or more than `most`.

    A superscript is a digit to Python, and no number; and a number may be too long for it.
    """
    return int(word) if word.isascii() and word.isdigit() and len(word) <= most else None

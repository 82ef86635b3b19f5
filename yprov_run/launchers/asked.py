"""What an MPI launcher says of itself, where the name of its program does not tell."""

from __future__ import annotations

import os
from functools import cache

_TIMEOUT_S = 2.0


def version(word: str) -> str:
    """Return what a command answers to `--version`, or nothing.

    It is asked once, however many grammars want to know: the job waits for it.
    """
    return _answer(word, os.environ.get("PATH", ""))


@cache
def _answer(word: str, search_path: str) -> str:
    del search_path  # it decides which program a word is
    import subprocess  # 4 ms that other launches need not wait for

    try:
        return subprocess.run(
            [word, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""

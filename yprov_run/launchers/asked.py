"""What an MPI launcher says of itself, where the name of its program does not tell."""

from __future__ import annotations

_TIMEOUT_S = 2.0


def version(word: str) -> str:
    """Return what a command answers to `--version`, or nothing."""
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

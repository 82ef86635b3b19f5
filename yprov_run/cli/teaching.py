"""What `--help` teaches: examples below each command's options."""

from __future__ import annotations


def examples(*pairs: tuple[str, str]) -> str:
    """Return an epilog of (command line, what it is for), which is not wrapped."""
    lines = [line for command, purpose in pairs for line in (f"  # {purpose}", f"  {command}")]
    return "\n".join(["\b", "Examples:", *lines])

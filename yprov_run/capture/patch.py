"""Untracked files as a patch, in the form that `git apply` reads."""

from __future__ import annotations

import os
from pathlib import Path

from yprov_run.capture.safefile import open_regular

MAX_PATCH_BYTES = 1 << 20
_MAX_FILE_BYTES = 64 << 10


def as_new_file(root: Path, path: str) -> str:
    """Return a small text file as a patch that makes it; empty if it is anything else.

    A link is not followed: it may lead anywhere.
    """
    if any(ord(character) < 32 or character in '"\\' for character in path):
        return ""  # git would quote it; so rare a name is not worth a quoting of our own
    try:
        fd = open_regular(root / path, follow=False)
        with open(fd, "rb") as stream:  # noqa: PTH123 - it is open already
            executable = os.fstat(fd).st_mode & 0o100
            content = stream.read(_MAX_FILE_BYTES + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError):
        return ""
    if len(content) > _MAX_FILE_BYTES or "\0" in text:
        return ""
    lines = [
        f"diff --git a/{path} b/{path}",
        f"new file mode {'100755' if executable else '100644'}",
        *_hunk(path, text),
    ]
    return "\n".join(lines) + "\n"


def _hunk(path: str, text: str) -> list[str]:
    if not text:
        return []
    # Only at "\n": git knows no other ends of lines.
    lines = text.split("\n")
    ends_with_newline = lines[-1] == ""
    if ends_with_newline:
        lines.pop()
    added = [f"+{line}" for line in lines]
    if not ends_with_newline:
        added.append("\\ No newline at end of file")
    count = "" if len(lines) == 1 else f",{len(lines)}"
    tab = "\t" if " " in path else ""
    return ["--- /dev/null", f"+++ b/{path}{tab}", f"@@ -0,0 +1{count} @@", *added]

"""Opening a file of a record that anybody may have replaced by something else.

A pipe in its place would hold a reader for ever, a link lead it out of the folder, a device never
end.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_plain(path: Path, largest_bytes: int) -> BufferedReader:
    """Open a file for reading; OSError, with words, if it is no plain file or too large."""
    # Non-blocking: opening a pipe without a writer would wait for one.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "a link, not a plain file", str(path)) from error
        raise
    status = os.fstat(descriptor)
    problem = ""
    if not stat.S_ISREG(status.st_mode):
        problem = "not a plain file"
    elif status.st_size > largest_bytes:
        problem = f"larger than {largest_bytes} bytes"
    if problem:
        os.close(descriptor)
        raise OSError(errno.EINVAL, problem, str(path))
    return os.fdopen(descriptor, "rb")

"""Who launched the job, and on what machine."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from yprov_run.light import TYPE_CHECKING

if TYPE_CHECKING:
    from yprov_run.model import Json


def user_name() -> str:
    """Return the account's name; its number where the machine does not know it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def user() -> Json:
    """Return the user's name and numbers."""
    return {"name": user_name(), "uid": os.getuid(), "gid": os.getgid()}


def host_name() -> str:
    """Return this machine's name."""
    return os.uname().nodename


def boot_id() -> str:
    """Return what is unique to this machine since it was started, or an empty text."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def start_ticks(pid: int) -> str:
    """Return a process's start time in ticks since boot, which with its id is unique; or empty."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def platform_facts() -> Json:
    """Return the launching host's system."""
    return {
        "host": host_name(),
        "system": os.uname().sysname,
        "kernel": os.uname().release,
        "machine": os.uname().machine,
    }

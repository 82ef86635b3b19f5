"""Running our commands as a user does: as programs, with an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path(sys.executable).parent
REPOSITORY = Path(__file__).parents[2]
# Before a program: it leads a process group of its own, as under `timeout`.
IN_ITS_OWN_GROUP = [
    sys.executable, "-c", "import os, sys; os.setpgid(0, 0); os.execvp(sys.argv[1], sys.argv[1:])",
]  # fmt: skip


def environment(**extra: str) -> dict[str, str]:
    """Return a user's environment, in which our commands are on the PATH."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("YPROV_", "SLURM", "OMPI_", "FAKE_NVML", "COV_"))
    }
    inherited["PATH"] = f"{BIN}:{inherited.get('PATH', os.defpath)}"
    return {**inherited, **extra}


def run(
    *command: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end and return what it printed, as bytes."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=env if env is not None else environment(),
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


def only_job(folder: Path) -> Path:
    """Return the one job directory below a folder's `yprov`."""
    (found,) = (folder / "yprov").iterdir()
    return found

"""Note every signal that reaches this process, until told to stop; then print what came."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

NOTED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")


def main() -> None:
    """Say that it is ready, wait for the stop file, and write the names of what came."""
    folder = Path(sys.argv[1])
    rank = os.environ.get("SLURM_PROCID", "0")
    seen: list[str] = []
    for name in NOTED:
        signal.signal(getattr(signal, name), lambda n, _: seen.append(signal.Signals(n).name))
    (folder / f"ready.{rank}").touch()
    give_up = time.monotonic() + 60
    while not (folder / "stop").exists() and time.monotonic() < give_up:
        time.sleep(0.02)
    (folder / f"seen.{rank}").write_text(" ".join(sorted(seen)))


if __name__ == "__main__":
    main()

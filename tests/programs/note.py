"""Note every signal that reaches this process, until told to stop; then print what came."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")
NOTED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")


def main() -> None:
    """Say that it is ready, wait for the stop file, and write the names of what came."""
    folder = Path(sys.argv[1])
    ranks = (os.environ.get(name) for name in RANKS)
    rank = next((rank for rank in ranks if rank), "0")
    seen: list[str] = []

    def note(number: int, _: object) -> None:
        seen.append(signal.Signals(number).name)
        with (folder / f"signalled.{rank}").open("a") as stream:
            stream.write(f"{signal.Signals(number).name}\n")

    for name in NOTED:
        signal.signal(getattr(signal, name), note)
    (folder / f"ready.{rank}").touch()
    give_up = time.monotonic() + 120
    while not (folder / "stop").exists() and time.monotonic() < give_up:
        time.sleep(0.02)
    (folder / f"seen.{rank}").write_text(" ".join(sorted(seen)))


if __name__ == "__main__":
    main()

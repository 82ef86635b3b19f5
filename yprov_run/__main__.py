"""The command yprov-run: as early as can be, the job waits for it."""

from __future__ import annotations

import gc


def main() -> None:
    """Run yprov-run. Garbage is not collected until the job has ended: 3 ms of what it waits."""
    gc.disable()
    from yprov_run.cli import run

    run.main()


if __name__ == "__main__":
    main()

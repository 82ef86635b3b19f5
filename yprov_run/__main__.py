#!python
"""The command yprov-run: as early as can be, the job waits for it.

This file is also installed as the command itself: before it imports anything, what PYTHONPATH puts
before this Python's own modules has to stand back. It is meant for the job's program.
"""

from __future__ import annotations

import sys


def _stand_back() -> None:
    """Put the folders of PYTHONPATH, and the command's own, after all others; silence warnings."""
    import os  # Python's own start has it already

    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    last = {os.path.abspath(folder) for folder in given if folder}  # noqa: PTH100 - no import
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        last.add(sys.path[0])
    sys.path.sort(key=last.__contains__)
    if sys.warnoptions:  # PYTHONWARNINGS=error would make them end the job
        import warnings

        warnings.simplefilter("ignore")


def _run_bare(error: Exception) -> None:
    """Run the command without us, where it is clear what the command is."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        return
    import os
    import signal

    sys.stderr.write(f"yprov-run: it cannot be loaded ({error}); nothing will be recorded\n")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - that is the task


def main() -> None:
    """Run yprov-run. Garbage is not collected until the job has ended: 3 ms of what it waits."""
    try:
        _stand_back()
        import gc

        gc.disable()
        from yprov_run.cli import run
    except Exception as error:  # fails open: told on stderr, or raised again
        _run_bare(error)
        raise
    run.main()


if __name__ == "__main__":
    main()

#!python
"""The command yprov-run: as early as can be, the job waits for it.

This file is also installed as the command itself: before it imports anything, what PYTHONPATH puts
before this Python's own modules has to stand back. It is meant for the job's program. Nothing is
imported from `__future__` here: installers may put words of theirs before what stands here.
"""

# By its private name, which is built in: no module of a user's can stand in for it.
import _signal as signal  # type: ignore[import-not-found]
import sys

_FLAGS = ("--no-capture", "--no-merge", "--no-report", "--quiet", "-q")
_WITH_VALUE = (
    "--dir", "--name", "--interval", "--input", "-i", "--output", "-o", "--tag", "--env",
    "--figure-of-merit",
)  # fmt: skip


def _stand_back() -> None:
    """Put the folders of PYTHONPATH, and the command's own, after all others; silence warnings."""
    import os  # Python's own start has it already

    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    # An empty one among others is the working directory.
    named = [folder for folder in given if folder or len(given) > 1]
    last = {os.path.abspath(folder) for folder in named}  # noqa: PTH100 - no import
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        last.add(sys.path[0])
    sys.path.sort(key=last.__contains__)
    if sys.warnoptions:  # PYTHONWARNINGS=error would make them end the job
        import warnings

        warnings.simplefilter("ignore")


def _command(words: list[str]) -> list[str]:
    """Return the command after our options; empty where it is not certain what it is."""
    while words and words[0].startswith("-"):
        option, *words = words
        if option == "--":
            break
        if option in _WITH_VALUE:
            words = words[1:]
        elif option not in _FLAGS and option.partition("=")[0] not in _WITH_VALUE:
            return []
    return words


def _run_bare(error: Exception) -> None:
    """Run the command without us, where it is certain what it is; else return."""
    import os
    from contextlib import suppress

    if command := _command(sys.argv[1:]):
        with suppress(AttributeError, OSError):  # it is closed, or nobody reads it any more
            sys.stderr.write(
                f"yprov-run: it cannot be loaded ({error}); nothing will be recorded\n"
            )
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - that is the task


def main() -> None:
    """Run yprov-run. Garbage is not collected until the job has ended: 3 ms of what it waits."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends us as it would end the command
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

"""What the Tab key completes: jobs, by their numbers or begun folders, templates, words."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import typer

_MOST = 500


@contextmanager
def script_from_its_first_line(program: str) -> Iterator[None]:
    """Print a completion script, if that is what is asked for, without empty lines before it.

    zsh registers a function by the first line of its file alone, and Typer's first one is empty.
    """
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    if not os.environ.get(variable, "").startswith("source_"):
        yield
        return
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        print(printed.getvalue().strip())


def jobs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the jobs whose number, or whose folder's path, begins with what is there."""
    parameters: dict[str, Any] = ctx.params
    base = Path(parameters.get("directory") or os.environ.get("YPROV_DIR") or "yprov")
    try:
        names = sorted(os.listdir(base))  # noqa: PTH208 - names, not paths
    except OSError:
        return []
    found = [name for name in names if name.rpartition("_")[2].isdigit()]
    if "/" in incomplete:
        words = [f"{base}/{name}" for name in found]
    else:
        words = [name.rpartition("_")[2] for name in found]
    return [word for word in words if word.startswith(incomplete)][:_MOST]


def one_of(*words: str) -> Callable[[str], list[str]]:
    """Return what completes to one of these words."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def templates(incomplete: str) -> list[str]:
    """Return the templates whose name begins with what is there."""
    from yprov_run.templates import catalogue

    return [name for name in catalogue.names() if name.startswith(incomplete)]

"""A line on the terminal for work that takes longer than a second: how far, and how long still."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

_PATIENCE_S = 1.0
_SHOW_EVERY_S = 0.1


class Progress:
    """Shows a bar on stderr once the work has taken a second; never in a log, never on stdout."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._started = self._shown = time.monotonic()
        self._wanted = sys.stderr is not None and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def show(self, share: float, words: str = "") -> None:
        """Say that this share of the work is done, from 0 to 1."""
        now = time.monotonic()
        self._words = words or self._words
        if not self._wanted or now - self._started < _PATIENCE_S:
            return
        if now - self._shown < _SHOW_EVERY_S:
            return
        self._shown = now
        if self._bar is None:
            self._open()
        self._bar.update(self._task, completed=share, description=self._words)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self._words, total=1.0)
        self._bar.start()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

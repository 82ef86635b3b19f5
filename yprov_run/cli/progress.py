"""A line on the terminal for work that takes longer than a second: how far, and how long still."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

_PATIENCE_S = 1.0
_SHOW_EVERY_S = 0.1


class Progress:
    """Shows a bar on stderr once the work has taken a second; never in a log, never on stdout."""

    def __init__(
        self,
        words: str,
        wanted: bool = True,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._words = words
        self._clock = clock
        self._started = self._shown = clock()
        self._stream = sys.stderr if stream is None else stream
        self._wanted = wanted and self._stream is not None and self._stream.isatty()
        self._bar: Any = None
        self._task: Any = None

    def show(self, share: float, words: str = "") -> None:
        """Say that this share of the work is done, from 0 to 1."""
        now = self._clock()
        self._words = words or self._words
        if not self._wanted or now - self._started < _PATIENCE_S:
            return
        if now - self._shown < _SHOW_EVERY_S:
            return
        self._shown = now
        if self._bar is None:
            self._open()
        self._bar.update(self._task, completed=share, description=self._words, refresh=True)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=Console(file=self._stream, force_terminal=True),
            transient=True,
            auto_refresh=False,  # by a thread, beside which a merge should not fork its readers
            get_time=self._clock,
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

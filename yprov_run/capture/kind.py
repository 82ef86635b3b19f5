"""Run kinds of capture, each in a process of its own, so that each fails and hangs alone."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import select
import signal
import time
from collections.abc import Iterator, Sequence

from yprov_run.audience import EVERYBODY
from yprov_run.capture.parent import die_with_parent
from yprov_run.capture.scene import Scene
from yprov_run.jobdir import SCHEMA_VERSION, StepDir, write_once
from yprov_run.kinds import KINDS, Kind
from yprov_run.light import TYPE_CHECKING
from yprov_run.redaction.text import redact_text

if TYPE_CHECKING:
    from typing import NoReturn

    from yprov_run.kinds import Moment
    from yprov_run.measures import Json

_AT_ONCE = 2


def run_kinds(moment: Moment, scene: Scene, kinds: Sequence[Kind] = KINDS) -> None:
    """Capture each kind of a moment and write its file; one that takes too long is killed.

    Two at a time, in the order of the table: one that waits for a program keeps nobody waiting.
    Where nothing can be written, nothing is: the merge names what it does not find.
    """
    with contextlib.suppress(OSError):
        scene.step.captured_dir.mkdir(exist_ok=True)
        write_once(scene.step.expected, json.dumps({"kinds": [kind.name for kind in kinds]}) + "\n")
    waiting = [kind for kind in kinds if kind.moment == moment]
    running: list[_Child] = []
    try:
        while waiting or running:
            while waiting and len(running) < _AT_ONCE:
                running.append(_Child(waiting.pop(0), scene))
            _await_one(running)
            running = [child for child in running if not child.is_over()]
    except BaseException:  # Ctrl-C: nothing of ours stays behind
        for child in running:
            child.kill()
        raise


def name_missing(
    moment: Moment, step: StepDir, problem: str, kinds: Sequence[Kind] = KINDS
) -> None:
    """Write of each kind of a moment that has no file yet why that is so."""
    with contextlib.suppress(OSError):
        step.captured_dir.mkdir(exist_ok=True)
    for kind in kinds:
        if kind.moment == moment and not step.captured(kind.name).exists():
            _note_problem(step, kind, problem, _now_ms())


def _note_problem(step: StepDir, kind: Kind, problem: str, started_ms: int) -> None:
    with contextlib.suppress(OSError):
        _write(step, kind, None, problem, started_ms)


class _Child:
    """A process that captures one kind; its end is seen by its end of a pipe."""

    def __init__(self, kind: Kind, scene: Scene) -> None:
        self._kind = kind
        self._step = scene.step
        self._started_ms = _now_ms()
        self.give_up = time.monotonic() + kind.limit_s
        self.reader, writer = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if self._pid == 0:
            _be_kind(kind, scene)
        os.close(writer)

    def is_over(self) -> bool:
        """Tell whether it has ended, by itself or because its time was over."""
        if select.select([self.reader], [], [], 0)[0]:
            os.waitpid(self._pid, 0)
        elif time.monotonic() > self.give_up:
            # Not waited for: the kernel may hold it in a call for as long as a file server is away.
            self.kill()
            problem = f"not done within {self._kind.limit_s:g} s"
            _note_problem(self._step, self._kind, problem, self._started_ms)
        else:
            return False
        os.close(self.reader)
        return True

    def kill(self) -> None:
        """End it."""
        os.kill(self._pid, signal.SIGKILL)


def _await_one(children: Sequence[_Child]) -> None:
    """Wait until one of them has ended, or its time is over."""
    left_s = min(child.give_up for child in children) - time.monotonic()
    select.select([child.reader for child in children], [], [], max(0.0, left_s))


def _be_kind(kind: Kind, scene: Scene) -> NoReturn:
    """Be the process that captures one kind."""
    try:
        die_with_parent()
        capture_one(kind, scene)
    finally:
        os._exit(0)


def capture_one(kind: Kind, scene: Scene) -> None:
    """Capture one kind, here and now, and write its file, or what went wrong."""
    started_ms = _now_ms()
    data, problem, mode = None, "", EVERYBODY
    try:
        module = importlib.import_module(f"yprov_run.capture.{kind.name}")
        captured = module.take(scene)
        data = None if captured is None else dataclasses.asdict(captured)
        mode = getattr(captured, "mode", EVERYBODY)
        size = sum(map(len, _chunks(data, kind.max_bytes)))
        if size > kind.max_bytes:
            data, problem = None, f"larger than {kind.max_bytes} bytes"
    except Exception as error:  # noqa: BLE001 - fails open, alone, and is recorded
        data, problem = None, redact_text(f"{type(error).__name__}: {error}"[:1000])
    with contextlib.suppress(OSError):
        _write(scene.step, kind, data, problem, started_ms, mode)


def _chunks(data: Json | None, limit: int) -> Iterator[str]:
    """Yield a record's text in parts, until it is past its limit."""
    total = 0
    for part in json.JSONEncoder().iterencode(data):
        total += len(part)
        yield part
        if total > limit:
            return


def _write(
    step: StepDir,
    kind: Kind,
    data: Json | None,
    problem: str,
    started_ms: int,
    mode: int = EVERYBODY,
) -> None:
    record = {
        "schema": SCHEMA_VERSION,
        "kind": kind.name,
        "started_ms": started_ms,
        "took_ms": max(0, _now_ms() - started_ms),
        "problem": problem,
        "data": data,
    }
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    write_once(step.captured(kind.name), text, mode)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""Run kinds of capture, each in a process of its own, so that each fails and hangs alone."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, cast

from yprov_run.capture.program import die_with_parent
from yprov_run.capture.scene import Scene
from yprov_run.jobdir import SCHEMA_VERSION, StepDir, write_once
from yprov_run.kinds import KINDS, Kind, Moment
from yprov_run.model import Json
from yprov_run.redaction.text import redact_text

_POLL_S = 0.01


def run_kinds(moment: Moment, scene: Scene, kinds: Sequence[Kind] = KINDS) -> None:
    """Capture each kind of a moment in turn and write its file; one that takes too long is killed.

    Where nothing can be written, nothing is: the merge names what it does not find.
    """
    with contextlib.suppress(OSError):
        scene.step.captured_dir.mkdir(exist_ok=True)
        write_once(scene.step.expected, json.dumps({"kinds": [kind.name for kind in kinds]}) + "\n")
    for kind in (kind for kind in kinds if kind.moment == moment):
        started_ms = _now_ms()
        if not _run_bounded(kind, scene):
            _note_problem(scene.step, kind, f"not done within {kind.limit_s:g} s", started_ms)


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


def _run_bounded(kind: Kind, scene: Scene) -> bool:
    """Run one kind in a child; False if it had to be killed."""
    pid = os.fork()
    if pid == 0:
        _be_kind(kind, scene)
    try:
        return _wait(pid, kind.limit_s)
    except BaseException:  # Ctrl-C: nothing of ours stays behind
        os.kill(pid, signal.SIGKILL)
        raise


def _wait(pid: int, limit_s: float) -> bool:
    give_up = time.monotonic() + limit_s
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > give_up:
            os.kill(pid, signal.SIGKILL)
            # Not waited for: the kernel may hold it in a call for as long as a file server is away.
            return False
        time.sleep(_POLL_S)
    return True


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
    data, problem = None, ""
    try:
        module = cast(Any, importlib.import_module(f"yprov_run.capture.{kind.name}"))
        captured = module.take(scene)
        data = None if captured is None else dataclasses.asdict(captured)
        size = sum(map(len, _chunks(data, kind.max_bytes)))
        if size > kind.max_bytes:
            data, problem = None, f"larger than {kind.max_bytes} bytes"
    except Exception as error:  # noqa: BLE001 - fails open, alone, and is recorded
        data, problem = None, redact_text(f"{type(error).__name__}: {error}"[:1000])
    with contextlib.suppress(OSError):
        _write(scene.step, kind, data, problem, started_ms)


def _chunks(data: Json | None, limit: int) -> Iterator[str]:
    """Yield a record's text in parts, until it is past its limit."""
    total = 0
    for part in json.JSONEncoder().iterencode(data):
        total += len(part)
        yield part
        if total > limit:
            return


def _write(step: StepDir, kind: Kind, data: Json | None, problem: str, started_ms: int) -> None:
    record = {
        "schema": SCHEMA_VERSION,
        "kind": kind.name,
        "started_ms": started_ms,
        "took_ms": max(0, _now_ms() - started_ms),
        "problem": problem,
        "data": data,
    }
    write_once(step.captured(kind.name), json.dumps(record, indent=1, sort_keys=True) + "\n")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

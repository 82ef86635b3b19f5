"""When what is captured is captured: beside the job, and after its end; never before it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from yprov_run.capture.companion import Companion
from yprov_run.cli.request import Request
from yprov_run.jobdir import JobDir, StepDir
from yprov_run.launch.supervise import Outcome
from yprov_run.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from yprov_run.capture.scene import Scene

_GRACE_S = 3.0


class Capturing:
    """The captures of one launch."""

    def __init__(self, request: Request, job: JobDir, step: StepDir, launcher: str) -> None:
        self._request = request
        self._job = job
        self._step = step
        self._launcher = launcher
        self._companion = Companion()
        self._begun = False

    def begin(self, pid: int) -> None:
        """Start capturing beside the command, which runs as this process. Raises nothing."""
        self._begun = True
        # No process to be had: what is missing then is named after the job's end.
        with suppress(OSError):
            self._companion.start(lambda: self._capture_beside(pid))

    def _capture_beside(self, pid: int) -> None:
        """Be the companion: only here is anything imported."""
        from yprov_run.capture.kind import run_kinds

        run_kinds("launch", self._scene(pid))

    def widened(self, request: Request) -> Request:
        """Return a request with the inputs and outputs of the batch script's `#YPROV` lines."""
        try:
            data = _of_the_scheduler(self._step)
            if data["same_as"] is not None:
                # The script was read for an earlier step of the job, and counts for this one too.
                data = _of_the_scheduler(StepDir(self._job.steps_dir / str(data["same_as"])))
            inputs, outputs = tuple(data["inputs"]), tuple(data["outputs"])
        except (OSError, ValueError, KeyError, TypeError):
            return request
        return request._replace(
            inputs=(*request.inputs, *inputs), outputs=(*request.outputs, *outputs)
        )

    def conclude(self) -> None:
        """Let the companion finish, and name what it has not done."""
        if not self._begun:
            return
        # Imported while it finishes, and with it what comes after.
        from yprov_run.capture.kind import name_missing
        from yprov_run.cli import after  # noqa: F401

        self._companion.finish(_GRACE_S)
        name_missing("launch", self._step, "not done when the job had ended")

    def capture_end(self, outcome: Outcome) -> None:
        """Capture what is left of a command that has ended."""
        if not self._begun:
            return
        from yprov_run.capture.kind import run_kinds
        from yprov_run.kinds import KINDS, hurried

        kinds = hurried() if outcome.was_killed else KINDS
        run_kinds("end", self._scene(None, outcome), kinds)

    def _scene(self, pid: int | None, outcome: Outcome | None = None) -> Scene:
        from yprov_run.capture.scene import Scene
        from yprov_run.launch.record import JOB_DIR_VARIABLE

        cwd = ""
        with suppress(OSError):  # it may be gone
            cwd = str(Path.cwd())
        return Scene(
            job=self._job,
            step=self._step,
            argv=self._request.argv,
            launcher=self._launcher,
            environ={k: v for k, v in os.environ.items() if k != JOB_DIR_VARIABLE},
            cwd=cwd,
            pid=pid,
            inputs=self._request.inputs,
            env_patterns=self._request.env,
            outputs=self._request.outputs,
            started_ms=None if outcome is None else outcome.started_ms,
            ended_ms=None if outcome is None else outcome.ended_ms,
        )


def _of_the_scheduler(step: StepDir) -> Any:
    """Return what was captured of a step's scheduler. OSError, ValueError, KeyError if nothing."""
    import json  # not before the launch

    return json.loads(step.captured("scheduler").read_text())["data"]

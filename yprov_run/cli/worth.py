"""After the step: what it was worth, by what the program says and what the site has configured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from yprov_run import config
from yprov_run.errors import YprovError
from yprov_run.jobdir import StepDir
from yprov_run.launch.supervise import Outcome

_PATIENCE_S = 10.0  # for a file that does not answer, or a pattern that never ends


def look_at_worth(merits: Sequence[str], folder: Path, step: StepDir, outcome: Outcome) -> str:
    """Write the step's worth, if there is any; return in words why that failed, or nothing."""
    try:
        tariff = config.load(config.files(os.environ, folder)).get("tariff")
    except YprovError:
        tariff = None  # said before the launch, where it was there then
    if not merits and not tariff:
        return ""
    # Here and not above: few ask for it, and everybody would wait for the imports.
    from dataclasses import asdict

    from yprov_run.capture.merit import read_merit
    from yprov_run.launch.apart import run_apart
    from yprov_run.launch.record import record_worth

    def work() -> None:
        found = [read_merit(text, folder, outcome.started_ms / 1000) for text in merits]
        record_worth(step, {"merits": [asdict(merit) for merit in found], "tariff": tariff or {}})

    return run_apart(work, _PATIENCE_S)

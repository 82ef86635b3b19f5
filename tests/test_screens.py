"""Terminal screens as golden files: 80 and 200 columns, with and without colour.

`YPROV_GOLDEN=write pytest tests/test_screens.py` writes them anew; look at the difference.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from tests.support.commands import environment, run
from tests.support.records import STARTED_MS, Shape, idle_last, imbalanced, write_record
from yprov_run.jobdir import JobDir
from yprov_run.report.live import LiveJob
from yprov_run.report.screen import frame

GOLDEN = Path(__file__).parent / "data/screens"
HOUR_MS = 3_600_000
DATA = {"path": "data/train.h5", "role": "input", "size_bytes": 10**9, "sha256": "5a" * 32}

BASE = Shape(
    number=1, seconds=300, tags={"run": "base", "lr": "3e-4"}, files=[DATA],
    variables={
        "SLURM_MEM_PER_NODE": "512000", "SLURM_JOB_START_TIME": "1795233600",
        "SLURM_JOB_END_TIME": "1795240800",
    },
)  # fmt: skip
JOBS = [
    BASE,
    replace(BASE, number=2, load=idle_last, seconds=600, started_ms=STARTED_MS + HOUR_MS,
            argv=("srun", "-N", "4", "python", "train.py", "--lr", "1e-3"),
            files=[{**DATA, "sha256": "7c" * 32}], variables={}),
    replace(BASE, number=3, load=imbalanced, exit_status=None, signal=15, dies_s={2: 140.0},
            started_ms=STARTED_MS + 2 * HOUR_MS, tags={}),
    replace(BASE, number=4, gpus=0, seconds=30, name="prepare-the-data-for-the-training",
            started_ms=STARTED_MS + 3 * HOUR_MS, user="charles.babbage", tags={"run": "prepare"}),
]  # fmt: skip

THREADS = {1: "8", 2: "4", 3: "8", 4: "8"}  # OMP_NUM_THREADS, by the jobs' numbers

SCREENS: dict[str, Sequence[str]] = {
    "list": ("list", "yprov"),
    "summary": ("show", "1"),
    "summary-idle": ("show", "2"),
    "summary-killed": ("show", "3"),
    "summary-no-gpu": ("show", "4"),
    "nodes": ("show", "3", "--nodes"),
    "gpus": ("show", "2", "--gpus"),
    "files": ("show", "1", "--files"),
    "env": ("show", "1", "--env"),
    "timeline": ("show", "3", "--timeline"),
    "diff": ("diff", "1", "2"),
    "rerun": ("rerun", "1"),
}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screens")
    for shape in JOBS:
        directory = write_record(folder / "yprov", shape)
        _set_threads(directory, THREADS[shape.number])
        done = run("yprov-merge", "-q", "--no-report", str(directory.path), cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def _set_threads(directory: JobDir, number: str) -> None:
    """Write what the job's step had in its environment."""
    (step,) = directory.steps()
    data = {"variables": {"OMP_NUM_THREADS": number}}
    step.captured("environment").write_text(json.dumps({"kind": "environment", "data": data}))


def _hold(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("YPROV_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_as_it_was(name: str, width: int, colour: bool, jobs: Path) -> None:
    env = environment(COLUMNS=str(width), TERM="xterm-256color", LC_ALL="C.UTF-8")
    env.pop("NO_COLOR", None)
    if colour:
        env["FORCE_COLOR"] = "1"
    done = run("yprov-inspect", *SCREENS[name], cwd=jobs, env=env)
    text = done.stdout.decode().replace(str(jobs.resolve()), "FOLDER")
    if not colour:
        assert "\x1b" not in text
    _hold(f"{name}-{width}-{'colour' if colour else 'plain'}", text)


def _four(base: Path) -> JobDir:
    return write_record(base, replace(BASE, load=imbalanced, has_end=False, dies_s={3: 200.0}))


def _many(base: Path) -> JobDir:
    shape = replace(BASE, nodes=200, gpus=2, seconds=40, load=imbalanced, node_name="n{:04d}")
    return write_record(base, replace(shape, has_end=False))


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=["80", "200"])
@pytest.mark.parametrize("make", [_four, _many], ids=["few", "many"])
def test_a_watched_job_is_as_it_was(
    make: Callable[[Path], JobDir], size: tuple[int, int], tmp_path: Path
) -> None:
    live = LiveJob(make(tmp_path))
    live.refresh()
    lines = frame(live, STARTED_MS + (301_000 if make is _four else 41_000), *size)
    name = f"watch-{'few' if make is _four else 'many'}-{size[0]}"
    _hold(name, "".join(line.plain.rstrip() + "\n" for line in lines))
    _hold(f"{name}-colour", _coloured(lines, size[0]))


def _coloured(lines: Sequence[Text], width: int) -> str:
    screen = io.StringIO()
    console = Console(
        file=screen, force_terminal=True, color_system="standard", width=width, highlight=False
    )
    for line in lines:
        console.print(line, no_wrap=True, crop=True)
    return screen.getvalue()

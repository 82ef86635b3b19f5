"""The commands in the documentation, run as a reader would run them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import pages
from tests.support.commands import environment
from tests.support.walking import steps, walk

PAGES = pages.names()
_RUN = [
    page
    for page in PAGES
    if any(
        block.language == "console" and block.mark in {"", "status"} for block in pages.blocks(page)
    )
]


@pytest.fixture(scope="session")
def jobs(tmp_path_factory: pytest.TempPathFactory, fake_nvml: Path) -> Path:
    """Return a folder with the tutorial's program, and its jobs 4711 and 4712 of a scheduler."""
    folder = tmp_path_factory.mktemp("jobs")
    for block in pages.blocks("docs/tutorial/laptop.md"):
        if block.title:
            (folder / block.title).write_text(block.text)
    (folder / "points.csv").write_text("".join(f"{x},{3 * x + 1}\n" for x in range(20)))
    env = environment(LD_LIBRARY_PATH=str(fake_nvml), PATH=_path(folder), HOME=str(folder))
    running = [
        subprocess.Popen(
            ["yprov-run", "-q", "--interval", "0.2", "--tag", "run=base", "-i", "points.csv",
             "-o", "model.json", "python", "train.py", "--lr", rate],
            cwd=folder, env={**env, "SLURM_JOB_ID": number, "SLURM_JOB_NAME": "train"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
        for number, rate in (("4711", "0.01"), ("4712", "0.02"))
    ]  # fmt: skip
    assert [one.wait(120) for one in running] == [0, 0]
    return folder


def _path(folder: Path) -> str:
    """Return a PATH on which Slurm's commands say that they know nothing."""
    (folder / ".bin").mkdir()
    for name in ("scontrol", "sacct"):
        script = folder / ".bin" / name
        script.write_text("#!/bin/sh\nexit 1\n")
        script.chmod(0o755)
    return f"{folder}/.bin:{environment()['PATH']}"


@pytest.mark.parametrize("page", _RUN)
def test_the_commands_of_a_page_do_what_it_says(
    page: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "work"
    if "<!-- test: jobs -->" in pages.read(page):
        made = request.getfixturevalue("jobs")
        shutil.copytree(made, folder, symlinks=True)
    else:
        folder.mkdir()
    walk(list(steps(page, ("", "status"))), folder, environment(HOME=str(tmp_path)))

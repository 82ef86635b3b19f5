"""The commands in the documentation, run as a reader would run them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import pages
from tests.support.commands import environment
from tests.support.pages import Block

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
    steps = list(_steps(page))
    script = "\n".join(_shell(number, step, tmp_path) for number, step in enumerate(steps))
    subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(HOME=str(tmp_path)), timeout=200,
        stdin=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    for number, (place, command, printed, status) in enumerate(steps):
        said = (tmp_path / f"{number}.out").read_text(errors="replace")
        ended = (tmp_path / f"{number}.status").read_text().strip()
        assert ended == status, f"{place}: {command}: exit status {ended}, said:\n{said}"
        assert re.fullmatch(_pattern(printed), said.strip()), (
            f"{place}: {command}: the page says\n{printed}\nand it printed\n{said}"
        )


Step = tuple[str, str, str, str]


def _steps(page: str) -> Iterator[Step]:
    """Yield what is done, as (place, commands, output, exit status)."""
    for block in pages.blocks(page):
        if block.language == "setup":
            yield block.place, block.text, "...", "0"
        elif block.title and block.mark != "cluster":
            yield block.place, _written(block), "", "0"
        elif block.language == "console" and block.mark in {"", "status"}:
            status = block.words if block.mark == "status" else "0"
            for line, command, printed in block.commands():
                yield f"{page}:{line}", command, printed.strip() or "...", status


def _written(block: Block) -> str:
    assert not block.title.startswith("/")
    assert "'@@@'" not in block.text
    return f"cat > {block.title} <<'@@@'\n{block.text}@@@"


def _shell(number: int, step: Step, folder: Path) -> str:
    """Return a step as bash has it: in the same shell, its output and status in files."""
    (folder / f"{number}.sh").write_text(step[1] + "\n")
    return f". {folder}/{number}.sh >{folder}/{number}.out 2>&1; echo $? >{folder}/{number}.status"


_PIECES = ((r"\s+", r"\s+"), (r"\d+", r"\d+"), (r"\.\.\.", r".*"), (r"-{3,}", r"-+"))
_SPLIT = re.compile("|".join(f"({piece})" for piece, _ in _PIECES))


def _pattern(printed: str) -> str:
    """Return what a text may be: other numbers, blanks and rules, and anything for `...`."""
    text, end = "(?s)", 0
    for found in _SPLIT.finditer(printed):
        text += re.escape(printed[end : found.start()]) + _PIECES[(found.lastindex or 1) - 1][1]
        end = found.end()
    return text + re.escape(printed[end:])

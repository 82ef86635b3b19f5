"""Doing what a page says, in one shell, and holding what comes of it against what it says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support import pages
from tests.support.pages import Block

# In what a page prints: other numbers, blanks and rules are as good, and `...` is anything.
_PIECES = ((r"\s+", r"\s+"), (r"\d+", r"\d+"), (r"\.\.\.", r".*"), (r"-{3,}", r"-+"))
_SPLIT = re.compile("|".join(f"({piece})" for piece, _ in _PIECES))


class Step(NamedTuple):
    """What is done: where the page says so, the commands, what they print, and their status."""

    place: str
    commands: str
    printed: str
    status: str = "0"


def steps(page: str, marks: Collection[str]) -> Iterator[Step]:
    """Yield what a page says, of its setups, files, and consoles that are so marked."""
    for block in pages.blocks(page):
        if block.language == "setup":
            yield Step(block.place, block.text, "...")
        elif block.title and block.mark in marks:
            yield Step(block.place, _written(block), "")
        elif block.language == "console" and block.mark in marks:
            status = block.words if block.mark == "status" else "0"
            for line, command, printed in block.commands():
                yield Step(f"{page}:{line}", command, printed.strip() or "...", status)


def _written(block: Block) -> str:
    assert not block.title.startswith("/")
    assert "'@@@'" not in block.text
    return f"cat > {block.title} <<'@@@'\n{block.text}@@@"


def walk(
    found: Sequence[Step], folder: Path, env: Mapping[str, str], timeout_s: float = 200
) -> None:
    """Do all steps in one shell, in a folder, then check each."""
    notes = folder.parent / f"{folder.name}.steps"
    notes.mkdir()
    lines = []
    for number, step in enumerate(found):
        at = notes / str(number)
        Path(f"{at}.sh").write_text(step.commands + "\n")
        lines.append(f". {at}.sh >{at}.out 2>&1; echo $? >{at}.status")
    subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=folder, env=env, timeout=timeout_s,
        stdin=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    for number, step in enumerate(found):
        said = (notes / f"{number}.out").read_text(errors="replace")
        ended = (notes / f"{number}.status").read_text().strip()
        where = f"{step.place}: {step.commands}"
        assert ended == step.status, f"{where}: exit status {ended}, said:\n{said}"
        assert re.fullmatch(_pattern(step.printed), said.strip()), (
            f"{where}: the page says\n{step.printed}\nand it printed\n{said}"
        )


def _pattern(printed: str) -> str:
    text, end = "(?s)", 0
    for found in _SPLIT.finditer(printed):
        text += re.escape(printed[end : found.start()]) + _PIECES[(found.lastindex or 1) - 1][1]
        end = found.end()
    return text + re.escape(printed[end:])

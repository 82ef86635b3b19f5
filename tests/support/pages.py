"""The pages of the documentation, as blocks of code that tests can run or read.

What a page says of a block stands in a comment just before it, which readers do not see:

    <!-- test: options -->          needs a site: only our own options in it are read
    <!-- test: cluster -->          is run on the test cluster
    <!-- test: status 1 -->         ends with this exit status
    <!-- test: jobs -->             (anywhere) the page's folder has the jobs 4711 and 4712
    <!-- test: setup
    commands that are run and not shown
    -->
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from tests.support.commands import REPOSITORY

_MARK = re.compile(r"<!-- test: (\w+)\s?(.*?)\s*-->", re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
PROGRAMS = ("yprov-run", "yprov-merge", "yprov-inspect")
_RUNNERS = {"srun", "exec", "time", "timeout", "env", "mpirun", "nohup"}
_ASSIGNMENT = re.compile(r"\w+=")
# A line that begins so is for a shell, whatever its block is called.
COMMAND = re.compile(
    r"\s*(\$ \S|(yprov-(run|merge|inspect)|[sm]?run|sbatch|salloc|scancel|mpirun|mpiexec|flux|qsub|"
    r"pip|python3?|make|git|cd|export|source|module|curl|sudo|apt-get|uv|conda)\s+\S)"
)


@dataclass(frozen=True)
class Block:
    """A block of code: its page, line (from 1), language, file name if titled, and mark."""

    page: str
    line: int
    language: str
    title: str
    mark: str
    words: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"

    def commands(self) -> Iterator[tuple[int, str, str]]:
        """Yield each `$` command of a console with its line and what the page says it prints."""
        command, at = "", 0
        printed: list[str] = []
        for number, line in enumerate(self.text.splitlines(), start=self.line + 1):
            if line.startswith("$ "):
                if command:
                    yield at, command, "\n".join(printed)
                command, printed, at = line[2:], [], number
            elif line.startswith("> ") and command and not printed:
                command += "\n" + line[2:]
            elif not line.startswith("# "):
                printed.append(line)
        if command:
            yield at, command, "\n".join(printed)

    def script(self) -> str:
        """Return what a shell would read."""
        if self.language == "console":
            return "\n".join(command for _, command, _ in self.commands())
        return self.text


def names() -> list[str]:
    """Return the pages, as paths below the repository."""
    docs = sorted((REPOSITORY / "docs").rglob("*.md"))
    return ["README.md", *(str(path.relative_to(REPOSITORY)) for path in docs)]


def read(page: str) -> str:
    """Return a page's text."""
    return (REPOSITORY / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """Return a page's blocks of code, hidden setups among them, in their order."""
    found = []
    mark = words = ""
    for token in MarkdownIt("commonmark").parse(read(page)):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "html_block":
            marks = _MARK.search(token.content)
            if marks and marks[1] == "jobs":
                continue  # of the page, not of the block
            mark, words = (marks[1], marks[2]) if marks else ("", "")
            if mark == "setup":
                found.append(Block(page, line, "setup", "", mark, "", words))
                mark = words = ""  # the block after it is run as well
            continue
        if token.type in {"fence", "code_block"}:
            title = _TITLE.search(token.info)
            language = token.info.split()[0] if token.info else ""
            found.append(
                Block(page, line, language, title[1] if title else "", mark, words, token.content)
            )
        mark = words = ""
    return found


def inline_commands(page: str) -> list[tuple[int, str]]:
    """Return the commands of ours in a page's prose, with their lines."""
    found = []
    for token in MarkdownIt("commonmark").enable("table").parse(read(page)):
        for child in token.children or ():
            if child.type == "code_inline" and child.content.startswith(PROGRAMS):
                found.append((token.map[0] + 1 if token.map else 0, child.content))
    return found


def our_commands(script: str) -> Iterator[list[str]]:
    """Yield the command lines of ours in a shell script, as words."""
    joined = script.replace("\\\n", " ")
    for line in joined.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&<>()")
        lexer.whitespace_split = True
        lexer.commenters = ""
        try:
            words = list(lexer)
        except ValueError:
            continue  # a line of a quoted text that is longer
        yield from _ours(words)


def _ours(words: list[str]) -> Iterator[list[str]]:
    current: list[str] = []
    for word in [*words, ";"]:
        if not set(word) <= set(";|&<>()") and not word.startswith("#"):
            current.append(word)
            continue
        yield from _ours_in_one(current)
        current = []
        if word.startswith("#"):
            break


def _ours_in_one(words: list[str]) -> Iterator[list[str]]:
    """Yield a simple command from where it is ours, if it is; others may run it."""
    for index, word in enumerate(words):
        if Path(word).name in PROGRAMS:
            yield [Path(word).name, *words[index + 1 :]]
            return
        if words[0] not in _RUNNERS and not _ASSIGNMENT.match(word):
            return

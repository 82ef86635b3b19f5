"""The batch script: its text, its checksum, its directives, and ours among them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from yprov_run.audience import OWNER, audience
from yprov_run.capture.program import ProgramError, ask
from yprov_run.capture.scene import Scene
from yprov_run.kinds.scheduler import BatchScript, Captured
from yprov_run.redaction.text import redact_argv, redact_text, redact_variable
from yprov_run.safefile import open_regular, read_regular
from yprov_run.trace.digest import checksum

_LIMIT_S = 2.0
_MAX_BYTES = 4 << 20
_MAX_TEXT = 256 << 10
_MAX_LINE = 4096
_DIRECTIVE = re.compile(r"(?P<sign>#(?:SBATCH|PBS|BSUB|FLUX:))[ \t]+(?P<words>.*)")
# Slurm and PBS stop at the first command; LSF reads on, and Flux refuses what stands below.
_READ_EVERYWHERE = {"lsf": "#BSUB", "flux": "#FLUX:"}
_OURS = re.compile(r"[ \t]*#YPROV[ \t]+(?P<words>.*)")
_PIECE = re.compile(r"""\\.#*|'[^']*'|"(?:\\.|[^"\\])*"|(?P<comment>(?<![^ \t])#)|.""")
_HEREDOC = re.compile(
    r"""(?<!<)<<(?P<tabs>-?)[ \t]*['"\\]?(?P<word>(?<=['"])[^'"]+|[A-Za-z_][\w.-]*)"""
)
_TAKEN = {"-i": "inputs", "--input": "inputs", "-o": "outputs", "--output": "outputs",
          "--tag": "tags"}  # fmt: skip
_MAX_PARENTS = 16
_MAX_BLANKS = 16


def add(captured: Captured, scene: Scene, number: str) -> Captured:
    """Return what was captured with the job's batch script. ProgramError if there is none."""
    content, source = _find(scene, captured, number)
    text = content.decode("utf-8", "replace")
    inputs, outputs, tags, problems = directives(text)
    kept = redact_text(text)
    script = BatchScript(
        text=kept[:_MAX_TEXT],
        sha256=checksum(content),
        source=source,
        directives=tuple(scheduler_directives(text, captured.scheduler)),
        cut_at=_MAX_TEXT if len(kept) > _MAX_TEXT else None,
    )
    return replace(
        captured, script=script, inputs=inputs, outputs=outputs, tags=tags,
        problems=(*captured.problems, *problems),
        mode=_audience(content, source, captured.facts.get("Command", ""), scene.step.path),
    )  # fmt: skip


def _audience(content: bytes, source: str, command: str, beside: Path) -> int:
    """Return who may read a script: its owner alone, but where it still is what was submitted.

    What the scheduler keeps of it, it shows to nobody else.
    """
    if source.startswith("/"):
        return audience(source, beside)
    words = command.split(" ")
    # Its arguments stand behind it.
    for end in range(1, min(len(words), _MAX_BLANKS) + 1):
        path = " ".join(words[:end])
        try:
            if path.startswith("/") and read_regular(path, _MAX_BYTES) == content:
                return audience(path, beside)
        except OSError:
            continue
    return OWNER


def directives(
    text: str,
) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, str], tuple[str, ...]]:
    """Return the inputs, outputs and tags of a script's `#YPROV` lines, and what is wrong in them.

    They are read as a shell would split them, but nothing in them is expanded or run. Other
    options of yprov-run come too late here, and are named as problems.
    """
    found: dict[str, list[str]] = {"inputs": [], "outputs": [], "tags": []}
    problems = []
    for line, content in _own_lines(text):
        match = _OURS.match(content)
        if match is None:
            continue
        try:
            words = redact_argv(shlex.split(_without_comment(match["words"][:_MAX_LINE])))
        except ValueError:
            problems.append(f"batch script, line {line}: #YPROV: a quote is not closed")
            continue
        for name, value in _options(words):
            if name in _TAKEN and value:
                found[_TAKEN[name]].append(value)
            else:
                what = "give it on the command line" if value is not None else "not an option"
                problems.append(f"batch script, line {line}: #YPROV {name}: {what}")
    tags = {}
    for tag in found["tags"]:
        key, equals, value = tag.partition("=")
        if key and equals:
            tags[key] = redact_variable(key, value)
        else:
            problems.append(f"batch script: #YPROV --tag {tag}: give it as KEY=VALUE")
    return tuple(found["inputs"]), tuple(found["outputs"]), tags, tuple(problems)


def _own_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield a script's lines with their numbers, without what it hands to others (`<<`)."""
    lines = text.split("\n")
    last = {line: index for index, line in enumerate(lines)}
    last_indented = {line.lstrip("\t"): index for index, line in enumerate(lines)}
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        yield index, line
        if line.lstrip().startswith("#"):
            continue
        for found in _HEREDOC.finditer(line):
            tabs, word = found["tabs"], found["word"]
            if (last_indented if tabs else last).get(word, -1) < index:
                continue  # it never ends: a shift, or a text
            while (lines[index].lstrip("\t") if tabs else lines[index]) != word:
                index += 1
            index += 1


def _without_comment(words: str) -> str:
    """Return words without what stands behind a `#` that begins one, as a shell reads them."""
    for piece in _PIECE.finditer(words):
        if piece["comment"]:
            return words[: piece.start()]
    return words


def _options(words: list[str]) -> Iterator[tuple[str, str | None]]:
    """Yield options with their values; a word that is none with None."""
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            yield word, None
        elif equals and word.startswith("--"):
            yield name, value
        else:
            yield word, next(rest, "") if word in _TAKEN else ""


def scheduler_directives(text: str, scheduler: str) -> Iterator[str]:
    """Yield the directives that a scheduler reads, each as its words, without credentials."""
    only = ""
    for line in text.split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            only = _READ_EVERYWHERE.get(scheduler, "")
            if not only:
                return
        match = _DIRECTIVE.match(line)
        if match is None or (only and match["sign"] != only):
            continue
        words = match["words"][:_MAX_LINE].strip()
        try:
            # Slurm takes any plain `#` for the beginning of a comment.
            yield shlex.join(redact_argv(shlex.split(words, comments=True)))
        except ValueError:
            yield redact_text(words)


def _find(scene: Scene, captured: Captured, number: str) -> tuple[bytes, str]:
    """Return the script as the scheduler has it; else the copy that runs; else nothing."""
    reason = "not found"
    if captured.scheduler == "slurm":
        command = ["scontrol", "write", "batch_script", number, "-"]
        try:
            said = ask(command, _LIMIT_S, _MAX_BYTES, scene.environ)
            if said.output.startswith(b"#!"):
                return said.output, " ".join(command)
        except ProgramError as error:
            reason = str(error)
    for path in (*_told(scene.environ), *_running_scripts()):
        try:
            with os.fdopen(open_regular(path), "rb") as stream:
                return stream.read(_MAX_BYTES), path
        except OSError as error:
            reason = f"{path}: {error.strerror}"
    raise ProgramError(reason)


def _told(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the script that LSF names in a variable."""
    if environ.get("LSB_JOBID") and environ.get("LSB_JOBFILENAME", "").startswith("/"):
        yield environ["LSB_JOBFILENAME"]


def _running_scripts() -> Iterator[str]:
    """Yield the spooled scripts that processes above us run, nearest first."""
    pid = os.getppid()
    for _ in range(_MAX_PARENTS):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            pid = int(
                Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1]
            )
        except (OSError, ValueError, IndexError):
            return
        for word in words[1:]:
            if re.search(rb"/(?:slurm_script|[^/]*\.SC)$", word):
                yield os.fsdecode(word)
        if pid <= 1:
            return

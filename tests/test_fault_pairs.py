"""Any two faults together: the job runs, its status stands, and what is there merges."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import documents
from tests.support.commands import environment, run
from tests.support.processes import agents_below
from tests.support.slurm import wait_until

PROGRAM = "echo out; read go; echo more; exit 3"


def _nothing(folder: Path) -> None:
    """Do nothing."""


def _signal_agents(number: signal.Signals) -> Callable[[Path], None]:
    def strike(folder: Path) -> None:
        for pid in agents_below(folder):
            os.kill(pid, number)

    return strike


def _delete_record(folder: Path) -> None:
    shutil.rmtree(folder / "yprov", ignore_errors=True)


def _forbid_writing(folder: Path) -> None:
    """Put a file where the next step's folder would be: root may write anywhere else."""
    for path in folder.glob("yprov/*/record/steps/0"):
        (path / "end.json").mkdir(exist_ok=True)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: before the launch, in the environment, or while the job runs."""

    name: str
    strike: Callable[[Path], None] = _nothing
    environ: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], None] = _nothing
    shell: str = ""


def _no_folder(folder: Path) -> None:
    (folder / "yprov").write_text("a file where the folder should be")


FAULTS = (
    Fault("the folder cannot be made", prepare=_no_folder),
    Fault("the record is deleted", _delete_record),
    Fault("the end cannot be written", _forbid_writing),
    Fault("the agent is killed", _signal_agents(signal.SIGKILL)),
    Fault("the agent is stopped", _signal_agents(signal.SIGSTOP)),
    Fault("a GPU library that is none", environ={"LD_LIBRARY_PATH": "broken"}),
    Fault("no HOME, TMPDIR that is none", environ={"HOME": "", "TMPDIR": "/proc"}),
    Fault("stderr is closed", shell="2>&-"),
    Fault("files of at most 2 kB", shell="; ulimit -f 4"),
)


def _run_pair(number: int, one: Fault, other: Fault, folder: Path) -> str:
    """Run a job with two faults and return what was wrong with it, or an empty text."""
    where = folder / str(number)
    where.mkdir()
    (where / "libnvidia-ml.so.1").write_text("no library")
    environ = environment(**one.environ, **other.environ)
    if "LD_LIBRARY_PATH" in environ:
        environ["LD_LIBRARY_PATH"] = str(where)
    limits = " ".join(f.shell[2:] for f in (one, other) if f.shell.startswith("; "))
    streams = " ".join(f.shell for f in (one, other) if f.shell.startswith("2"))
    script = f"{limits or ':'}; exec yprov-run --interval 0.1 sh -c '{PROGRAM}' {streams}"
    for fault in (one, other):
        fault.prepare(where)
    with subprocess.Popen(
        ["sh", "-c", script], cwd=where, env=environ, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout
        first = process.stdout.readline()
        if any(where.glob("yprov/*/record/steps/0/step.json")):
            wait_until(lambda: bool(agents_below(where)), f"{one.name}, {other.name}: agent", 30)
        for fault in (one, other):
            fault.strike(where)
        out, err = process.communicate(b"\n", timeout=60)
    if _is_still_there(where):
        return "its agent is still there"
    return _judge(process.returncode, first + out, err, where)


def _is_still_there(where: Path) -> bool:
    try:
        wait_until(lambda: not agents_below(where), "the end of the agent", 10)
    except TimeoutError:
        return True
    return False


def _judge(status: int, out: bytes, err: bytes, where: Path) -> str:
    warnings = [line for line in err.splitlines() if line.startswith(b"yprov-run:")]
    if (status, out) != (3, b"out\nmore\n"):
        return f"status {status}, output {out!r}"
    if len(warnings) != len(set(warnings)) or len(warnings) > 2 or b"Traceback" in err:
        return f"stderr {err!r}"
    for job in where.glob("yprov/*/record"):
        merged = run("yprov-merge", "-q", str(job.parent), cwd=where)
        if merged.returncode or b"Traceback" in merged.stderr:
            return f"merge: {merged.stderr!r}"
        documents.load(job.parent / "prov.json")
    return ""


def test_any_two_faults_together_leave_the_job_as_it_is(tmp_path: Path) -> None:
    pairs = list(itertools.combinations(FAULTS, 2))

    def outcome(number: int) -> str:
        one, other = pairs[number]
        wrong = _run_pair(number, one, other, tmp_path)
        return f"{one.name} and {other.name}: {wrong}" if wrong else ""

    with ThreadPoolExecutor(4) as pool:
        wrong = [text for text in pool.map(outcome, range(len(pairs))) if text]
    assert wrong == []

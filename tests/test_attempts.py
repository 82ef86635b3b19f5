"""Jobs that the scheduler started more than once: their time, their ending, and a running step."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.commands import run
from tests.support.records import STARTED_MS, Shape, write_record
from yprov_run.capture import identity
from yprov_run.cli.fold import fold
from yprov_run.jobdir import JobDir
from yprov_run.kinds.accounting import Captured, Entry
from yprov_run.merge.read import read_job
from yprov_run.model import Ending, Job, Json, Step
from yprov_run.report.advice import advise
from yprov_run.report.summary import summary

HOUR_MS = 3_600_000
ONE = Shape(number=1, nodes=1, gpus=0, seconds=100)
KILLED, DONE = Ending("killed", "yprov-run", signal=15), Ending("completed", "yprov-run", 0)
FAILED = Ending("failed", "yprov-run", 1)
LOST = Ending("unknown", "none", reason="nobody saw its end")


def attempted(base: Path, endings: Sequence[tuple[int, Ending]], accounting: str = "") -> JobDir:
    """Return a job with a step for each restart and ending.

    `accounting` is the state of each of its starts, oldest first, and the last one's exit code.
    """
    directory = write_record(base / "yprov", ONE)
    for number in range(1, len(endings)):
        shutil.copytree(directory.steps_dir / "0", directory.steps_dir / str(number))
    for step, (restart, ending) in zip(directory.steps(), endings, strict=True):
        command = json.loads(step.command.read_text())
        step.command.write_text(json.dumps({**command, "restart": restart}))
        end = json.loads(step.end.read_text())
        how = {"exit_status": ending.exit_status, "signal": ending.signal}
        step.end.write_text(json.dumps({**end, **how}))
    if accounting:
        *states, code = accounting.split()
        starts = tuple(Entry("1", {"State": state, "ExitCode": code}) for state in states)
        data = asdict(Captured(1, "sacct", starts, final=True))
        directory.accounting.write_text(json.dumps({"kind": "accounting", "data": data}))
    return directory


def ended(base: Path, endings: Sequence[tuple[int, Ending]], accounting: str = "") -> Ending:
    return read_job(attempted(base, endings, accounting)).ending


def requeued(base: Path, hours: Sequence[float], limit_h: int = 24) -> Job:
    """Return a job of attempts that took so many hours, each submitted 60 h after the last."""
    times: Json = {"SLURM_JOB_START_TIME": "0", "SLURM_JOB_END_TIME": str(limit_h * 3600)}
    job = replace(read_job(attempted(base, [(0, DONE)])), scheduler_facts=times)
    (first,) = job.steps

    def step(number: int, took_h: float) -> Step:
        started_ms = STARTED_MS + number * 60 * HOUR_MS
        ended_ms = started_ms + round(took_h * HOUR_MS)
        return replace(
            first, number=number, restart=number, started_ms=started_ms, ended_ms=ended_ms
        )

    steps = tuple(step(number, took_h) for number, took_h in enumerate(hours))
    return replace(job, steps=steps, ended_ms=steps[-1].ended_ms)


def test_the_longest_attempt_is_held_against_the_limit(tmp_path: Path) -> None:
    job = requeued(tmp_path, (23.9, 23.8, 23.0))
    assert next(line.words for line in summary(job) if line.label == "time") == (
        "143:00:00 h in 3 attempts, the longest 23:54:00 h of 24:00:00 h (100%), "
        "started 2026-11-21 04:00:00 UTC"
    )
    (advice,) = (line for line in advise(job) if "time limit" in line)
    assert advice == (
        "time limit 24:00:00 h, used 23:54:00 h in the longest of 3 attempts: "
        "close to being killed; --time=1721"
    )


def test_a_job_that_ran_once_says_nothing_of_attempts(tmp_path: Path) -> None:
    job = requeued(tmp_path, (23.9,))
    assert "attempt" not in " ".join([*advise(job), *(line.words for line in summary(job))])


def test_a_step_knows_how_often_the_job_had_been_started_again(tmp_path: Path) -> None:
    directory = attempted(tmp_path, [(0, KILLED), (1, DONE)])
    fold(directory, with_report=False)
    document = documents.load(directory.document)
    steps = [documents.plain(document["activity"][f"step/{number}"]) for number in (0, 1)]
    assert [step.get("run:restartCount") for step in steps] == [None, 1]


@pytest.mark.parametrize(
    ("endings", "state"),
    [
        ([(0, KILLED), (1, DONE)], "completed"),
        ([(0, DONE), (1, KILLED)], "killed"),
        ([(0, KILLED), (1, DONE), (1, FAILED)], "failed"),
        ([(0, DONE), (0, KILLED)], "killed"),
    ],
)
def test_a_job_ended_as_its_last_attempt_did(
    endings: Sequence[tuple[int, Ending]], state: str, tmp_path: Path
) -> None:
    assert ended(tmp_path, endings).state == state


@pytest.mark.parametrize(
    ("endings", "accounting", "ending"),
    [
        ([(0, KILLED), (1, DONE)], "REQUEUED COMPLETED 0:0", ("completed", "yprov-run", 0)),
        ([(0, KILLED)], "REQUEUED COMPLETED 0:0", ("completed", "sacct", 0)),
        ([(0, KILLED)], "RESIZING COMPLETED 0:0", ("killed", "yprov-run", None)),
        ([(0, LOST)], "COMPLETED 0:0", ("completed", "node agents", 0)),
        ([(0, DONE)], "FAILED 3:0", ("failed", "sacct", 3)),
        ([(0, DONE)], "TIMEOUT 0:0", ("killed", "sacct", 0)),
        ([(0, KILLED)], "REQUEUED TIMEOUT 0:0", ("killed", "sacct", None)),
        ([(0, FAILED)], "COMPLETED 0:0", ("failed", "yprov-run", 1)),
        ([(0, KILLED)], "FAILED 143:0", ("killed", "yprov-run", None)),
    ],
)
def test_final_accounting_decides_where_no_step_of_the_last_attempt_failed(
    endings: Sequence[tuple[int, Ending]],
    accounting: str,
    ending: tuple[str, str, int | None],
    tmp_path: Path,
) -> None:
    found = ended(tmp_path, endings, accounting)
    assert (found.state, found.source, found.exit_status) == ending


def test_an_earlier_attempts_signal_is_not_that_of_the_job(tmp_path: Path) -> None:
    found = ended(tmp_path, [(0, KILLED)], "REQUEUED CANCELLED 0:0")
    assert (found.signal, found.reason) == (None, "CANCELLED, says the scheduler's accounting")


def test_a_step_that_still_runs_has_no_end(tmp_path: Path) -> None:
    directory = write_record(tmp_path / "yprov", replace(ONE, has_end=False))
    (step,) = directory.steps()
    pid = os.getpid()
    command = json.loads(step.command.read_text())
    command |= {"boot_id": identity.boot_id(), "start_ticks": identity.start_ticks(pid)}
    step.command.write_text(json.dumps({**command, "pid": pid}))
    fold(directory, with_report=False)
    record = documents.load(directory.document)["activity"]["step/0"]
    assert record["run:state"] == "running"
    assert not {"prov:endTime", "prov:endedAtTime"} & set(record)
    shown = run("yprov-inspect", "show", "1", "--timeline", "--json", cwd=tmp_path).stdout
    assert [row["what happened"] for row in json.loads(shown) if row["what"] == "Step"] == [
        "starts"
    ]

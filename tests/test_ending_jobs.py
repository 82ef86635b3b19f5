"""What is done after a job's end takes no longer than its scheduler leaves, and may be cut off."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support import documents
from tests.support.commands import environment, only_job, run
from tests.support.slurm import wait_until
from yprov_run.cli.after import seconds_for_checksums
from yprov_run.jobdir import StepDir
from yprov_run.kinds import KINDS, hurried
from yprov_run.launch.supervise import Outcome


@pytest.mark.parametrize(
    ("outcome", "ends_s", "seconds"),
    [
        (Outcome(0, 1, exit_status=0), None, 60.0),
        (Outcome(0, 1, exit_status=1), None, 60.0),
        (Outcome(0, 1, exit_status=143), None, 5.0),
        (Outcome(0, 1, signal=15), None, 5.0),
        (Outcome(0, 1, signal=15), 9_000, 5.0),
        (Outcome(0, 1, exit_status=0), 1_050, 20.0),
        (Outcome(0, 1, exit_status=0), 1_010, 5.0),
        (Outcome(0, 1, exit_status=0), 9_000, 60.0),
    ],
)
def test_checksums_take_no_longer_than_the_scheduler_may_leave(
    outcome: Outcome, ends_s: int | None, seconds: float
) -> None:
    assert seconds_for_checksums(60.0, outcome, ends_s, 1_000.0) == seconds
    assert seconds_for_checksums(2.0, outcome, ends_s, 1_000.0) == 2.0


def test_captures_after_a_killed_job_have_less_time() -> None:
    assert [kind.name for kind in hurried()] == [kind.name for kind in KINDS]
    assert max(kind.limit_s for kind in hurried()) <= 5


@pytest.mark.parametrize("named", [("end.json", False), ("files.json", True)], ids=lambda n: n[0])
def test_a_kill_in_the_middle_of_the_work_after_the_end_loses_what_was_not_done_and_nothing_else(
    named: tuple[str, bool], tmp_path: Path
) -> None:
    """As by a scheduler whose patience is over: everything of the job at once."""
    name, with_files = named
    (tmp_path / "in.csv").write_text("1\n")
    if not with_files:
        with (tmp_path / "big.h5").open("w") as stream:
            stream.truncate(45 << 30)  # so long to read that the kill comes first
    job = subprocess.Popen(
        ["yprov-run", "--input", "*.*", "sh", "-c", "kill -TERM $$"], cwd=tmp_path,
        env=environment(OMP_NUM_THREADS="3"), start_new_session=True,
    )  # fmt: skip
    step = StepDir(tmp_path / "yprov/sh_1/record/steps/0")
    wait_until((step.path / name).exists, name)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    assert run("yprov-merge", "-q", "yprov/sh_1", cwd=tmp_path).returncode == 0
    document = documents.load(tmp_path / "yprov/sh_1/prov.json")
    assert documents.job(document)["run:signal"] == "SIGTERM"
    gaps = [gap for gap in documents.gaps(document) if "inputs and outputs" in gap]
    files = documents.of_type(document, "entity", "run:File").values()
    assert bool(gaps) == (not with_files)
    assert ("in.csv" in [file["prov:label"] for file in files]) == with_files
    assert json.loads(step.end.read_text())["signal"] == signal.SIGTERM


def test_a_kill_before_anything_was_captured_leaves_one_gap_for_all_of_it(tmp_path: Path) -> None:
    """A job so short, or a machine so busy, that the companion has not written a word."""
    done = run("yprov-run", "--no-merge", "true", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    step = StepDir(tmp_path / "yprov/true_1/record/steps/0")
    shutil.rmtree(step.captured_dir)
    step.files.unlink()
    assert run("yprov-merge", "-q", "yprov/true_1", cwd=tmp_path).returncode == 0
    assert documents.gaps(documents.load(tmp_path / "yprov/true_1/prov.json")) == [
        "step 0: inputs and outputs: not looked at when it had ended",
        "step 0: code, software and environment: not captured, or lost",
    ]
    compared = run("yprov-inspect", "diff", "yprov/true_1", "yprov/true_1", cwd=tmp_path)
    assert compared.returncode == 1
    assert compared.stdout.startswith(b"cannot be told: code, ")


def test_an_end_without_a_status_leaves_it_to_what_the_agent_saw(tmp_path: Path) -> None:
    done = run("yprov-run", "-q", "--no-merge", "sh", "-c", "sleep 1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    step = StepDir(tmp_path / "yprov/sh_1/record/steps/0")
    end = json.loads(step.end.read_text())
    step.end.write_text(json.dumps({**end, "exit_status": None}))
    assert run("yprov-merge", "-q", "yprov/sh_1", cwd=tmp_path).returncode == 0
    job = documents.job(documents.load(tmp_path / "yprov/sh_1/prov.json"))
    assert (job["run:state"], job["run:exitStatus"]) == ("completed", 0)


@pytest.mark.parametrize("shift_s", ["-100", "3600"])
def test_a_clock_that_is_set_meanwhile_does_not_change_how_long_a_step_took(
    shift_s: str, tmp_path: Path
) -> None:
    need([name for name in ("cc",) if shutil.which(name) is None], "the clock that is set")
    source, library = Path(__file__).parent / "fakes/clock.c", tmp_path / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-o", library, source], check=True)
    env = environment(LD_PRELOAD=str(library), FAKE_CLOCK_SHIFT_S=shift_s, FAKE_CLOCK_SET="set")
    done = run("yprov-run", "-q", "--no-merge", "touch", "set", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    step = StepDir(only_job(tmp_path) / "record/steps/0")
    started_ms = json.loads(step.command.read_text())["started_ms"]
    assert 0 <= json.loads(step.end.read_text())["ended_ms"] - started_ms < 60_000

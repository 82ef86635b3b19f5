"""Whose job a launch belongs to: a scheduler hands a job's environment on to jobs sent from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import environment, run
from yprov_run.jobdir import JobDir
from yprov_run.launch.record import enclosing_job, open_job
from yprov_run.schedulers import detect

SLURM = {"SLURM_JOB_ID": "101", "SLURM_JOB_NAME": "first", "SLURM_CLUSTER_NAME": "c",
         "SLURM_RESTART_COUNT": "0", "SLURM_JOB_START_TIME": "1000"}  # fmt: skip
PBS = {"PBS_JOBID": "101[4].server", "PBS_JOBNAME": "sweep"}
LSF = {"LSB_JOBID": "101", "LSB_JOBINDEX": "4", "LSF_CLUSTER_NAME": "c"}


def _recorded(base: Path, environ: dict[str, str]) -> JobDir:
    scheduler = detect(environ)
    return open_job(base, scheduler.name or "local", scheduler, {})


def _joined(job: JobDir, environ: dict[str, str]) -> bool:
    found = enclosing_job({**environ, "YPROV_JOB_DIR": str(job.path)})
    return found is not None and found.path == job.path


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {}),
        (SLURM, SLURM),
        (SLURM, {**SLURM, "SLURM_STEP_ID": "3", "SLURM_JOB_NAME": "a step's"}),
        (SLURM, {**SLURM, "SLURM_RESTART_COUNT": "1", "SLURM_JOB_START_TIME": "2000"}),
        (PBS, PBS),
        (LSF, LSF),
    ],
)
def test_a_launch_inside_a_job_joins_it(
    first: dict[str, str], then: dict[str, str], tmp_path: Path
) -> None:
    assert _joined(_recorded(tmp_path, first), then)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (SLURM, {**SLURM, "SLURM_JOB_ID": "102"}),
        (SLURM, {**SLURM, "SLURM_CLUSTER_NAME": "d"}),
        (SLURM, {**SLURM, "SLURM_JOB_START_TIME": "9000"}),  # the number was given again
        (SLURM, {"PBS_JOBID": "101.server"}),
        (SLURM, {}),
        ({}, SLURM),
        (PBS, {**PBS, "PBS_JOBID": "101[5].server"}),
        (LSF, {**LSF, "LSB_JOBINDEX": "5"}),
    ],
)
def test_a_launch_in_another_job_does_not_join_the_one_it_was_sent_from(
    first: dict[str, str], then: dict[str, str], tmp_path: Path
) -> None:
    assert not _joined(_recorded(tmp_path, first), then)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"scheduler": 3}'])
def test_a_job_that_does_not_say_whose_it_is_is_not_joined(text: str, tmp_path: Path) -> None:
    job = _recorded(tmp_path, SLURM)
    job.job_file.write_text(text)
    assert not _joined(job, SLURM)


def test_a_job_sent_from_a_recorded_one_has_a_directory_and_a_document_of_its_own(
    tmp_path: Path,
) -> None:
    first = environment(**SLURM)
    assert run("yprov-run", "-q", "true", cwd=tmp_path, env=first).returncode == 0
    sent = {**first, "SLURM_JOB_ID": "102", "SLURM_JOB_NAME": "second",
            "YPROV_JOB_DIR": str(tmp_path / "yprov/first_101")}  # fmt: skip
    script = 'yprov-run -q true; basename "$YPROV_JOB_DIR"'
    done = run("yprov-run", "-q", "sh", "-c", script, cwd=tmp_path, env=sent)
    assert (done.stdout, done.stderr) == (b"second_102\n", b"")
    steps = {path.name: len(list((path / "record/steps").iterdir()))
             for path in (tmp_path / "yprov").iterdir() if path.name[0] != "."}  # fmt: skip
    assert steps == {"first_101": 1, "second_102": 2}
    assert (tmp_path / "yprov/second_102/prov.json").exists()

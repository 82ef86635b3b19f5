"""What is kept of a file as text is readable for nobody who could not read that file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support.commands import environment, only_job
from yprov_run.audience import audience, mode_of

_MARK = b"kept-as-text"


@pytest.fixture
def public() -> Iterator[Path]:
    """Return a folder that everybody may enter, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="ypa"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "expected"),
    [(0o755, 0o644, 0o666), (0o755, 0o640, 0o660), (0o755, 0o600, 0o600), (0o755, 0o755, 0o666),
     (0o750, 0o644, 0o660), (0o700, 0o644, 0o600), (0o711, 0o644, 0o666), (0o750, 0o604, 0o600)],
)  # fmt: skip
def test_a_file_is_for_those_who_may_read_it_where_it_lies(
    public: Path, folder_mode: int, file_mode: int, expected: int
) -> None:
    inner = public / "inner"
    inner.mkdir()
    (inner / "file").touch()
    (inner / "file").chmod(file_mode)
    (public / "link").symlink_to(inner / "file")
    inner.chmod(folder_mode)
    assert audience(inner / "file", public) == expected
    assert audience(public / "link", public) == expected


def test_what_is_not_there_is_for_its_owner_alone(public: Path) -> None:
    assert audience(public / "missing", public) == 0o600
    assert audience("a\0b", public) == 0o600
    assert mode_of(public / "missing") == 0o666


def test_what_another_group_may_read_is_not_for_the_records_group(public: Path) -> None:
    need([] if os.geteuid() == 0 else ["root"], "a file of another group")
    (public / "file").touch()
    (public / "file").chmod(0o640)
    os.chown(public / "file", -1, 4242)
    assert audience(public / "file", public) == 0o600
    (public / "file").chmod(0o644)
    assert audience(public / "file", public) == 0o666


def _slurm(folder: Path, script: Path) -> dict[str, str]:
    """Make a `scontrol` that knows one batch script; return the environment of its job."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "scontrol").write_text(
        f'#!/bin/sh\ncase "$*" in *show*) echo "JobId=77 Command={script} a b" ;; '
        f"*) cat {script} ;; esac\n"
    )
    (tools / "scontrol").chmod(0o755)
    env = environment(SLURM_JOB_ID="77", SLURM_JOB_NAME="j", GIT_CONFIG_GLOBAL="/dev/null")
    return {**env, "PATH": f"{tools}:{env['PATH']}"}


def _run(folder: Path, umask: int, env: dict[str, str], *words: str) -> Path:
    subprocess.run(["yprov-run", "-q", *words], cwd=folder, env=env, check=True, umask=umask)
    return only_job(folder)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("umask", [0o077, 0o027, 0o022])
def test_every_file_takes_the_umask_and_none_is_wider(public: Path, umask: int) -> None:
    script = public / "job.sh"
    script.write_text("#!/bin/sh\n# kept-as-text\n")
    script.chmod(0o644)
    job = _run(public, umask, _slurm(public, script), "true")
    expected = 0o666 & ~umask
    # The list of programs of a launcher is not there; everything else is as the umask says.
    wrong = {path.name: oct(_mode(path)) for path in job.rglob("*")
             if _mode(path) != (0o777 & ~umask if path.is_dir() else expected)}  # fmt: skip
    assert not wrong
    assert _MARK in (job / "report.html").read_bytes()


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_private_script_stands_in_no_file_that_is_wider(public: Path, mode: int) -> None:
    script = public / "job.sh"
    script.write_text("#!/bin/sh\n# kept-as-text\n")
    script.chmod(mode)
    job = _run(public, 0o022, _slurm(public, script), "true")
    holders = [path for path in job.rglob("*") if path.is_file() and _MARK in path.read_bytes()]
    assert {path.name for path in holders} == {"scheduler.json", "prov.json", "report.html"}
    assert {_mode(path) for path in holders} == {mode & 0o644}
    assert _mode(job / "record/steps/0/step.json") == 0o644
    # So it stays, however often and by whomever it is merged.
    subprocess.run(["yprov-merge", "-q", job], env=environment(), check=True, umask=0)
    assert {_mode(path) & 0o444 for path in holders} == {mode & 0o444}


def test_a_script_that_only_the_scheduler_has_is_for_its_owner(public: Path) -> None:
    script = public / "job.sh"
    script.write_text("#!/bin/sh\n# kept-as-text\n")
    env = _slurm(public, script)
    (public / "tools/scontrol").write_text("#!/bin/sh\nprintf '#!/bin/sh\\n# kept-as-text\\n'\n")
    job = _run(public, 0o022, env, "true")
    assert _mode(job / "prov.json") == _mode(job / "report.html") == 0o600


def test_a_patch_of_a_private_file_and_the_report_that_shows_it_are_private(public: Path) -> None:
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")
    subprocess.run(["git", "init", "-q", "."], cwd=public, check=True)
    (public / "open.py").write_text("x = 'kept-as-text'\n")
    env = environment(GIT_CONFIG_GLOBAL="/dev/null")
    job = _run(public, 0o022, env, "true")
    (patch,) = job.glob("artifacts_GR0/code_*.patch")
    assert {_mode(patch), _mode(job / "report.html"), _mode(job / "prov.json")} == {0o644}
    shutil.rmtree(public / "yprov")
    (public / "open.py").chmod(0o600)
    job = _run(public, 0o022, env, "true")
    (patch,) = job.glob("artifacts_GR0/code_*.patch")
    private = [patch, job / "report.html", job / "record/steps/0/captured/code.json"]
    assert [_mode(path) for path in private] == [0o600] * 3
    assert _mode(job / "prov.json") == 0o644
    assert _MARK not in (job / "prov.json").read_bytes()


def test_what_a_program_recorded_privately_stays_private(public: Path) -> None:
    (public / "record.py").write_text(
        "import json, os\n"
        "os.umask(0o077)\n"
        "content = {'prefix': {'a': 'prov-ml'}, 'entity': {'x': {'prov:label': 'kept-as-text'}}}\n"
        "json.dump(content, open('prov_x.json', 'w'))\n"
    )
    job = _run(public, 0o022, environment(), sys.executable, "record.py")
    (copy,) = (job / "artifacts_GR0/embedded").rglob("*.json")
    holders = [path for path in job.rglob("*") if path.is_file() and _MARK in path.read_bytes()]
    assert {copy, job / "prov.json"} <= set(holders)
    assert {_mode(path) for path in holders} == {0o600}


def test_a_configuration_file_on_the_command_line_is_kept_as_a_checksum(public: Path) -> None:
    (public / "conf.yaml").write_text("a: kept-as-text\n")
    (public / "conf.yaml").chmod(0o600)
    job = _run(public, 0o022, environment(), "cat", "conf.yaml")
    files = json.loads((job / "record/steps/0/files.json").read_text())["files"]
    assert ("conf.yaml", "configuration") in [(file["path"], file["role"]) for file in files]
    assert not [path for path in job.rglob("*") if path.is_file() and _MARK in path.read_bytes()]

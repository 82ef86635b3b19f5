"""Could it be run again? What a document says of code, software and files, for real runs."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import need
from tests.support import documents
from tests.support.commands import environment, only_job, run
from yprov_run.provenance.check import check

_GIT = {
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip
# Goes on when what was there before it has been looked at.
_AFTER_THE_LOOK = """
import glob, time
until = time.monotonic() + 60
while not glob.glob("yprov/*/record/steps/0/captured/before.json"):
    assert time.monotonic() < until
    time.sleep(0.01)
"""


def _attachment(job: Path, document: dict[str, Any], stem: str) -> bytes:
    """Return the content of the one attachment of a kind; its checksum is right."""
    found = documents.of_type(document, "entity", "run:Attachment").values()
    (record,) = (one for one in found if stem in one["prov:location"])
    content: bytes = (job / record["prov:location"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == record["schema:sha256"]
    return content


def test_the_commit_and_the_patch_give_back_the_code_that_ran(tmp_path: Path) -> None:
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")

    def git(folder: Path, *words: str, data: bytes = b"") -> str:
        done = subprocess.run(["git", *words], cwd=folder, check=True, input=data,
                              capture_output=True, env=environment(**_GIT))  # fmt: skip
        return done.stdout.decode().strip()

    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "work")
    (folder / "train.py").write_text("print(1)\n")
    (folder / ".gitignore").write_text("yprov/\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    (folder / "train.py").write_text("print(2)\n")
    (folder / "new.py").write_text("x = 1\n")
    run("yprov-run", sys.executable, "train.py", cwd=folder)
    job = only_job(folder)
    document = documents.load(job / "prov.json")
    (state,) = documents.of_type(document, "entity", "run:CodeState").values()
    assert state["run:commit"] == git(folder, "rev-parse", "HEAD")
    assert (state["run:branch"], state["run:dirty"]) == ("work", "true")
    git(tmp_path, "clone", "-q", str(folder), "again")
    git(tmp_path / "again", "apply", "-", data=_attachment(job, document, "code_"))
    assert (tmp_path / "again/train.py").read_text() == "print(2)\n"
    assert (tmp_path / "again/new.py").read_text() == "x = 1\n"


def test_the_switch_in_the_settings_leaves_the_patch_out(tmp_path: Path) -> None:
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    (tmp_path / "new.py").write_text("x = 'seen'\n")
    (tmp_path / "yprov.yaml").write_text("patch: false\n")
    run("yprov-run", "true", cwd=tmp_path)
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert documents.of_type(document, "entity", "run:CodeState")
    assert not list(only_job(tmp_path).glob("artifacts_GR0/code_*"))


def test_packages_are_those_of_the_programs_own_environment(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "env"], cwd=tmp_path, check=True)
    (site,) = (tmp_path / "env/lib").glob("python3.*/site-packages")
    (site / "their_package-1.2.3.dist-info").mkdir()
    (site / "their_package-1.2.3.dist-info/METADATA").write_text(
        "Name: their-package\nVersion: 1.2.3\n"
    )
    (tmp_path / "train.py").write_text("print(1)\n")
    (tmp_path / "requirements.txt").write_text("their-package\n")
    run("yprov-run", "env/bin/python", "train.py", cwd=tmp_path)
    job = only_job(tmp_path)
    document = documents.load(job / "prov.json")
    (python,) = documents.of_type(document, "entity", "run:PythonEnvironment").values()
    assert python["schema:softwareVersion"] == sys.version.split()[0]
    assert python["run:prefix"] == str(tmp_path / "env")
    table = _attachment(job, document, "packages_").decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["name"], row["version"]) for row in rows] == [("their-package", "1.2.3")]
    (needs,) = documents.of_type(document, "entity", "run:Requirements").values()
    assert needs["schema:sha256"] == hashlib.sha256(b"their-package\n").hexdigest()


def test_the_program_that_ran_is_known_by_its_checksum_and_its_libraries(tmp_path: Path) -> None:
    run("yprov-run", "sleep", "2", cwd=tmp_path)
    job = only_job(tmp_path)
    document = documents.load(job / "prov.json")
    programs = documents.of_type(document, "entity", "run:Program").values()
    (sleep,) = (one for one in programs if one["prov:label"] == "sleep")
    content = Path(sleep["prov:location"]).read_bytes()
    assert sleep["schema:sha256"] == hashlib.sha256(content).hexdigest()
    assert "libc" in _attachment(job, document, "libraries_").decode()


def _by_size(document: documents.Document, location: str) -> dict[str, str]:
    """Return the names of a file's versions by their size."""
    return {
        record["schema:contentSize"]: name
        for name, record in documents.of_type(document, "entity", "run:File").items()
        if record["prov:location"] == location
    }


def test_a_file_changed_in_place_is_derived_from_what_it_was(tmp_path: Path) -> None:
    (tmp_path / "state.nc").write_text("old")
    (tmp_path / "same.nc").write_text("same")
    (tmp_path / "step.py").write_text(
        f"{_AFTER_THE_LOOK}\nopen('state.nc', 'w').write('newer')\nopen('made.nc', 'w')\n"
    )
    run("yprov-run", sys.executable, "step.py", cwd=tmp_path)
    job = only_job(tmp_path)
    document = documents.load(job / "prov.json")
    files = documents.of_type(document, "entity", "run:File")
    versions = _by_size(document, "state.nc")
    assert sorted(versions) == ["3", "5"]
    (derived,) = (
        one
        for one in document["wasDerivedFrom"].values()
        if one["prov:generatedEntity"] == versions["5"]
    )
    assert derived["prov:usedEntity"] == versions["3"]
    generated = {one["prov:entity"] for one in document["wasGeneratedBy"].values()}
    assert versions["5"] in generated
    assert versions["3"] not in generated
    assert "same.nc" not in {record["prov:location"] for record in files.values()}
    assert not list(job.glob("record/steps/0/before.gz"))


def _run_two_steps(folder: Path, last_line: str, *options: str) -> None:
    """Run a program twice in one job, which ends with this line after its inputs were looked at."""
    for number in range(2):
        look = _AFTER_THE_LOOK.replace("steps/0", f"steps/{number}")
        (folder / "step.py").write_text(f"{look}\n{last_line}\n")
        env = environment(SLURM_JOB_ID="7", SLURM_JOB_NAME="j")
        done = run("yprov-run", "-q", *options, sys.executable, "step.py", cwd=folder, env=env)
        assert done.returncode == 0


def test_a_file_that_a_later_step_changed_is_derived_from_what_the_earlier_one_made(
    tmp_path: Path,
) -> None:
    _run_two_steps(tmp_path, "open('ckpt.pt', 'a').write('more')")
    document = documents.load(only_job(tmp_path) / "prov.json")
    files = documents.of_type(document, "entity", "run:File")
    versions = _by_size(document, "ckpt.pt")
    assert len([one for one in files.values() if one["prov:location"] == "ckpt.pt"]) == 2
    (derived,) = (
        one
        for one in document["wasDerivedFrom"].values()
        if one["prov:generatedEntity"] == versions["8"]
    )
    assert derived["prov:usedEntity"] == versions["4"]
    makers = {
        one["prov:entity"]: one["prov:activity"] for one in document["wasGeneratedBy"].values()
    }
    assert (makers[versions["4"]], makers[versions["8"]]) == ("step/0", "step/1")


def test_an_input_that_a_later_step_changed_was_used_as_the_earlier_one_had_left_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    _run_two_steps(tmp_path, "open('data/a.csv', 'a').write('more')", "-i", "data", "-o", "data")
    document = documents.load(only_job(tmp_path) / "prov.json")
    versions = _by_size(document, "data/a.csv")
    assert sorted(versions) == ["4", "8"]
    relations = {
        (kind, one["prov:activity"], one["prov:entity"])
        for kind in ("used", "wasGeneratedBy")
        for one in document[kind].values()
        if one["prov:entity"] in versions.values()
    }
    assert relations == {
        ("wasGeneratedBy", "step/0", versions["4"]),
        ("used", "step/1", versions["4"]),
        ("wasGeneratedBy", "step/1", versions["8"]),
    }
    derived = {
        (one["prov:generatedEntity"], one["prov:usedEntity"])
        for one in document["wasDerivedFrom"].values()
    }
    assert (versions["8"], versions["4"]) in derived
    assert check(document) == []


def test_stdin_and_stdout_that_are_files_are_an_input_and_a_log(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("words\n")
    with (tmp_path / "in.txt").open() as given, (tmp_path / "job.out").open("w") as told:
        subprocess.run(["yprov-run", "cat"], cwd=tmp_path, stdin=given, stdout=told, check=True,
                       env=environment())  # fmt: skip
    document = documents.load(only_job(tmp_path) / "prov.json")
    files = documents.of_type(document, "entity", "run:File").values()
    found = {Path(one["prov:location"]).name: one for one in files}
    assert found["in.txt"]["prov:role"] == "input"
    assert found["in.txt"]["schema:sha256"] == hashlib.sha256(b"words\n").hexdigest()
    assert found["job.out"]["prov:role"] == "log"
    assert "still being written" in found["job.out"]["run:note"]


def test_steps_that_write_the_same_each_generate_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text(
        "yprov-run -q sh -c 'echo same > a'\nyprov-run -q sh -c 'cat a; echo same > a'\n"
    )
    run("yprov-run", "sh", "job.sh", cwd=tmp_path)
    document = documents.load(only_job(tmp_path) / "prov.json")
    files = documents.of_type(document, "entity", "run:File")
    same = {name for name, record in files.items() if record["prov:location"] == "a"}
    generated = [one["prov:entity"] for one in document["wasGeneratedBy"].values()]
    assert len(same) >= 3
    assert all(generated.count(name) <= 1 for name in same)

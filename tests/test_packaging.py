"""What is built from this repository runs where the repository is not."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support import documents
from tests.support.commands import REPOSITORY
from tests.support.environments import (
    Environment,
    build,
    copy_repository,
    find_python,
    repository_files,
)
from tests.support.project import PROJECT, PYTHONS
from yprov_run import __version__

OLDEST, NEWEST = PYTHONS[0], PYTHONS[-1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a wheel and a source distribution, by what they are."""
    place = tmp_path_factory.mktemp("built")
    wheel, sdist = build(copy_repository(place / "source"), place / "dist")
    return {"wheel": wheel, "sdist": sdist}


def test_two_builds_of_the_same_files_are_equal(built: dict[str, Path], tmp_path: Path) -> None:
    """Whenever, wherever and under whatever umask they are made; also one from the other."""
    source = copy_repository(tmp_path / "another folder")
    again = build(source, tmp_path / "dist", umask=0o077)
    for path in again:
        (first,) = (other for other in built.values() if other.name == path.name)
        assert path.read_bytes() == first.read_bytes(), path.name


def test_the_oldest_builder_that_is_allowed_makes_the_same_wheel(
    built: dict[str, Path], tmp_path: Path
) -> None:
    (builder,) = PROJECT["build-system"]["requires"]
    (tmp_path / "oldest.txt").write_text(builder.replace(">=", "=="))
    source = copy_repository(tmp_path / "source")
    oldest = ["--wheel", "--build-constraints", str(tmp_path / "oldest.txt")]
    (wheel,) = build(source, tmp_path / "dist", *oldest)
    assert _contents(wheel) == _contents(built["wheel"])


def _contents(wheel: Path) -> dict[str, bytes]:
    """Return a wheel's files; not those in which each builder writes its own name or version."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith((".dist-info/WHEEL", ".dist-info/RECORD", ".dist-info/METADATA"))
        }


def test_the_wheel_holds_the_package_and_its_templates_and_nothing_else(
    built: dict[str, Path],
) -> None:
    assert (
        built["wheel"].name == f"yprov_run-{__version__}-py3-none-any.whl"
    )  # any Python, no compiler
    with zipfile.ZipFile(built["wheel"]) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {name for name in repository_files() if name.startswith("yprov_run/")}
    ours |= {f"yprov_run/{n}" for n in repository_files() if n.startswith("slurm_templates/")}
    script = next(name for name in held if ".data/scripts/" in name)
    assert (held - {script}, script.rpartition("/")[2]) == (ours, "yprov-run")
    assert {"yprov_run/py.typed", "yprov_run/launch/shim.sh"} < held


def test_the_wheel_says_what_in_it_is_not_ours(built: dict[str, Path]) -> None:
    """PEP 770: a CycloneDX bill of materials, with a checksum of each file that we bundle."""
    with zipfile.ZipFile(built["wheel"]) as archive:
        (name,) = (name for name in archive.namelist() if ".dist-info/sboms/" in name)
        bill = json.loads(archive.read(name))
        told = {
            f"yprov_run/report/assets/{file['name']}": file["hashes"][0]["content"]
            for component in bill["components"]
            for file in component["components"]
        }
        held = {
            path: hashlib.sha256(archive.read(path)).hexdigest()
            for path in archive.namelist()
            if "/assets/" in path and ".min." in path
        }
        script = archive.read("yprov_run/report/assets/uPlot.iife.min.js").decode()
    assert told == held
    assert [component["version"] in script[:100] for component in bill["components"]] == [True]


def test_the_source_distribution_holds_the_repository(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert held == {*repository_files(), "PKG-INFO"}


@pytest.mark.parametrize(
    ("version", "dependencies", "distribution"),
    [
        (OLDEST, "lowest-direct", "wheel"),
        (OLDEST, "highest", "sdist"),
        (NEWEST, "lowest-direct", "sdist"),
        (NEWEST, "highest", "wheel"),
    ],
)
def test_it_runs_in_a_fresh_environment(
    built: dict[str, Path], tmp_path: Path, version: str, dependencies: str, distribution: str
) -> None:
    """With the oldest and the newest Python, and the oldest and newest dependencies allowed."""
    python = find_python(version)
    need([] if python else [f"Python {version}"], "this test")
    (tmp_path / "with a blank").mkdir()
    fresh = Environment.make(tmp_path / "with a blank", python)
    fresh.install("--resolution", dependencies, "-r", REPOSITORY / "pyproject.toml")
    fresh.install_ours(built[distribution])
    where = fresh.ask("python", "-c", "import yprov_run; print(yprov_run.__file__)")
    assert Path(where).is_relative_to(fresh.path)

    _a_job_is_recorded(fresh)
    _it_is_merged_and_inspected(fresh)
    _every_command_explains_itself(fresh)
    _a_batch_script_is_written(fresh)


def _a_job_is_recorded(fresh: Environment) -> None:
    done = fresh.run("yprov-run", "--name", "fresh", "sh", "-c", "echo out; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert "failed, exit status 3" in done.stderr
    job = fresh.folder / "yprov/fresh_1"
    assert "uPlot" in (job / "report.html").read_text()
    assert not documents.gaps(documents.load(job / "prov.json"))
    assert list(job.glob("record/steps/0/nodes/*.samples.csv"))


def _it_is_merged_and_inspected(fresh: Environment) -> None:
    document = fresh.folder / "yprov/fresh_1/prov.json"
    document.unlink()
    fresh.ask("yprov-merge", "--quiet", "yprov/fresh_1")
    assert document.exists()
    assert fresh.run("yprov-inspect", "check", "1").stderr == "1: valid\n"
    (row,) = json.loads(fresh.ask("yprov-inspect", "list", "--json"))
    assert row["state"] == "failed"
    assert "exit status 3" in fresh.ask("yprov-inspect", "show", "1")
    assert fresh.ask("yprov-inspect", "export", "1", "--format", "provn").startswith("document")
    assert fresh.ask("yprov-inspect", "export", "1", "--graph").startswith("<svg")


def _every_command_explains_itself(fresh: Environment) -> None:
    assert fresh.ask("yprov-run", "--version").strip().endswith(__version__)
    for command in ("yprov-run", "yprov-merge", "yprov-inspect"):
        assert "Usage" in fresh.ask(command, "--help")
    wrong = fresh.run("yprov-run", "--nonsense", "true")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "--nonsense" in wrong.stderr


def _a_batch_script_is_written(fresh: Environment) -> None:
    fresh.ask("yprov-run", "--init", "single", "--nodes", "2", "python", "my train.py")
    written = (fresh.folder / "single.sh").read_text()
    assert "\n#SBATCH --nodes=2\n" in written
    assert "\nprogram=(python 'my train.py')\n" in written
    include = Path(fresh.ask("yprov-run", "--template", "include").strip())
    assert include.is_relative_to(fresh.path)
    assert "yprov_exec()" in include.read_text()
    wrong = fresh.run("yprov-run", "--init", "single")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


def test_without_a_single_dependency_the_job_runs_and_its_document_is_made(
    built: dict[str, Path], tmp_path: Path
) -> None:
    """What recording needs is in Python itself; only the summary on the terminal is not."""
    fresh = Environment.make(tmp_path, sys.executable)
    fresh.install_ours(built["wheel"])
    done = fresh.run("yprov-run", "--name", "bare", "sh", "-c", "echo out; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert (done.stderr.count("\n"), "no summary: ModuleNotFoundError" in done.stderr) == (1, True)
    assert (fresh.folder / "yprov/bare_1/prov.json").exists()
    assert (fresh.folder / "yprov/bare_1/report.html").exists()

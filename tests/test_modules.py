"""What is loaded, as the real Lmod and the real Environment Modules leave it in the environment."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support import documents
from tests.support.commands import BIN, environment, only_job, run

TREES = BIN.parent / "module-systems"


def _command(system: str) -> str:
    """Return the command that prints shell code; the two cannot be installed side by side."""
    if system == "lmod":
        found = sorted(TREES.glob("lmod/usr/share/lmod/*/libexec/lmod"))
        shared = found[0].parents[1] if found else Path()
        lua = f"LUA_PATH='{shared}/libexec/?.lua;{shared}/tools/?.lua;;'"
        need([] if found and shutil.which("lua5.3") else ["Lmod"], "the test of Lmod")
        return f"{lua} {found[0]} bash"
    found = sorted(TREES.glob("environment-modules/usr/lib/*/modulecmd.tcl"))
    need([] if found and shutil.which("tclsh") else ["Environment Modules"], "this test")
    return f"tclsh {found[0]} bash"


@pytest.mark.parametrize(
    ("system", "name"), [("lmod", "Lmod"), ("environment-modules", "Environment Modules")]
)
def test_loaded_modules_are_in_the_document(system: str, name: str, tmp_path: Path) -> None:
    files = tmp_path / "modulefiles"
    for module in ("gcc/12.3", "gcc/13.2", "mpi/openmpi/4.1.4", "plain"):
        (files / module).parent.mkdir(parents=True, exist_ok=True)
        (files / module).write_text(f"#%Module1.0\nsetenv LOADED_{module[:3].upper()} 1\n")
    script = (
        f'module() {{ eval "$({_command(system)} "$@" 2>/dev/null)"; }}\n'
        "module load gcc/13.2 plain mpi/openmpi/4.1.4; module swap gcc/13.2 gcc/12.3\n"
        "exec yprov-run -q true"
    )
    env = environment(MODULEPATH=str(files), EBROOTFFTW="/sw/FFTW/3.3", EBVERSIONFFTW="3.3")
    for inherited in [key for key in env if key.startswith(("LMOD", "_LMFILES", "LOADEDMOD"))]:
        del env[inherited]
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    document = documents.load(only_job(tmp_path) / "prov.json")
    found = {
        entity["prov:label"]: entity
        for entity in documents.of_type(document, "entity", "run:Module").values()
    }
    assert set(found) == {"gcc/12.3", "mpi/openmpi/4.1.4", "plain"}
    gcc = found["gcc/12.3"]
    assert (gcc["schema:name"], gcc["schema:softwareVersion"]) == ("gcc", "12.3")
    assert gcc["prov:location"] == str(files / "gcc/12.3")
    assert gcc["schema:sha256"] == hashlib.sha256((files / "gcc/12.3").read_bytes()).hexdigest()
    assert gcc["run:moduleSystem"].startswith(name)
    (package,) = documents.of_type(document, "entity", "run:EasyBuildPackage").values()
    assert (package["prov:label"], package["schema:softwareVersion"]) == ("FFTW", "3.3")
    assert not documents.gaps(document)


def test_a_module_whose_file_is_odd_is_named_without_a_checksum(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    env = environment(
        LOADEDMODULES="a/1:b/2", _LMFILES_=f"{tmp_path}/fifo:/nowhere", SPACK_ENV=str(tmp_path)
    )
    assert run("yprov-run", "-q", "true", cwd=tmp_path, env=env).returncode == 0
    document = documents.load(only_job(tmp_path) / "prov.json")
    found = documents.of_type(document, "entity", "run:Module").values()
    assert [("schema:sha256" in module, module["prov:label"]) for module in found] == [
        (False, "a/1"), (False, "b/2"),
    ]  # fmt: skip
    assert documents.of_type(document, "entity", "run:SpackEnvironment")


def test_lists_that_do_not_fit_are_named(tmp_path: Path) -> None:
    env = environment(LOADEDMODULES="a/1:b/2", _LMFILES_="/x")
    assert run("yprov-run", "-q", "true", cwd=tmp_path, env=env).returncode == 0
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert len(documents.of_type(document, "entity", "run:Module")) == 2
    assert any("2 modules are loaded, but 1 files" in gap for gap in documents.gaps(document))

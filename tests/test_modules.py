"""What is loaded, as the real Lmod and the real Environment Modules leave it in the environment."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import documents
from tests.support.commands import environment, only_job, run
from tests.support.modulesystems import module_command
from yprov_run.capture import lmodtable, modules


@pytest.mark.parametrize(
    ("system", "title"), [("lmod", "Lmod"), ("environment-modules", "Environment Modules")]
)
def test_loaded_modules_are_in_the_document(system: str, title: str, tmp_path: Path) -> None:
    files = tmp_path / "modulefiles"
    for module in ("gcc/12.3", "gcc/13.2", "mpi/openmpi/4.1.4", "plain"):
        (files / module).parent.mkdir(parents=True, exist_ok=True)
        (files / module).write_text(f"#%Module1.0\nsetenv LOADED_{module[:3].upper()} 1\n")
    (files / "app").mkdir()
    for name, default in (("gcc", "12.3"), ("app", "2.0")):
        words = f"#%Module1.0\nmodule-version {name}/{default} default\n"
        (files / name / ".modulerc").write_text(words)
    (files / "app/2.0").write_text("#%Module1.0\nmodule load plain\n")
    script = (
        f'module() {{ eval "$({module_command(system)} "$@" 2>/dev/null)"; }}\n'
        "module load gcc/13.2 app mpi/openmpi/4.1.4; module swap gcc/13.2 gcc\n"
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
    assert set(found) == {"gcc/12.3", "app/2.0", "mpi/openmpi/4.1.4", "plain"}
    gcc = found["gcc/12.3"]
    assert (gcc["schema:name"], gcc["schema:softwareVersion"]) == ("gcc", "12.3")
    assert gcc["prov:location"] == str(files / "gcc/12.3")
    assert gcc["schema:sha256"] == hashlib.sha256((files / "gcc/12.3").read_bytes()).hexdigest()
    assert gcc["run:moduleSystem"].startswith(title)
    openmpi = found["mpi/openmpi/4.1.4"]
    assert (openmpi["schema:name"], openmpi["schema:softwareVersion"]) == ("mpi/openmpi", "4.1.4")
    loads = {
        document["entity"][record["prov:entity"]]["prov:label"]: record
        for record in document["used"].values()
        if record["prov:role"] == "module"
    }
    order = sorted(loads, key=lambda name: int(loads[name]["run:loadOrder"]["$"]))
    assert order.index("app/2.0") < order.index("mpi/openmpi/4.1.4")
    if title == "Lmod":
        facts = ("run:askedAs", "run:loadedByModule", "run:isDefault")
        told = {name: tuple(load.get(fact) for fact in facts) for name, load in loads.items()}
        assert told == {
            "gcc/12.3": ("gcc", "false", "true"),
            "app/2.0": ("app", "false", "true"),
            "mpi/openmpi/4.1.4": ("mpi/openmpi/4.1.4", "false", None),
            "plain": ("plain", "true", None),
        }
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


def _lmod(table: str, loaded: str = "") -> dict[str, str]:
    """Return the variables of Lmod with such a table, in pieces."""
    code = base64.b64encode(table.encode()).decode()
    pieces = [code[at : at + 40] for at in range(0, len(code), 40)]
    variables = {f"_ModuleTable{n:03d}_": piece for n, piece in enumerate(pieces, 1)}
    variables |= {"_ModuleTable_Sz_": str(len(pieces)), "LMOD_VERSION": "8.7"}
    files = ":".join(f"/m/{name}" for name in loaded.split(":") if name)
    return {**variables, "LOADEDMODULES": loaded, "_LMFILES_": files}


def test_lmods_table_says_where_a_name_ends_and_what_was_asked_for() -> None:
    table = """_ModuleTable_ = {
        MTversion = 3, c_rebuildTime = false, depthT = {}, mpathA = { "/m", [2] = '/n' ; },
        mT = {
          ["a/b"] = { fn = "/m/a/b/1/2", fullName = "a/b/1/2", loadOrder = 2, propT = {},
            stackDepth = 1, status = "active", userName = "a", wV = "^00000001.*zfinal", },
          c = { fn = [==[/m/c]==], fullName = "c", loadOrder = 1, stackDepth = 0,
            status = "active", userName = "c\\65", wV = "M.*zfinal" },
          old = { fullName = "old/1", status = "inactive" },
        }, }
    """
    found, problems = modules.modules_of(_lmod(table, "c:a/b/1/2"))
    assert not problems
    assert [(one.name, one.version, one.asked_as) for one in found] == [
        ("c", "", "cA"), ("a/b", "1/2", "a"),
    ]  # fmt: skip
    assert [(one.by_other, one.is_default) for one in found] == [(False, None), (True, True)]


@pytest.mark.parametrize(
    "table",
    ["", "x", "_ModuleTable_ = os.execute('touch /tmp/x')", "{mT = f{}}", "{mT = {a = io.open}}",
     "{mT = " + "{" * 100_000, "{mT = {[{}] = 1}, [", '{mT = "', "{mT = [[", "{1 2}", "{a = --1}",
     "_ModuleTable_ = {} .. {}", "{mT = 1}", "{mT = {a = {status = 'active'}}}"],
)  # fmt: skip
def test_a_hostile_table_of_lmods_is_named_and_the_lists_stand(table: str) -> None:
    found, problems = modules.modules_of(_lmod(table, "c:d/1"))
    assert [(one.name, one.version) for one in found] == [("c", ""), ("d", "1")]
    assert len(problems) == 1
    assert "able of modules" in problems[0]


def test_a_table_of_lmods_that_lacks_a_piece_is_named() -> None:
    whole = _lmod("{mT = {" + " " * 100 + "}}", "c")
    for damage in ({"_ModuleTable_Sz_": "x"}, {"_ModuleTable_Sz_": "9"},
                   {"_ModuleTable_Sz_": "9" * 5000}, {"_ModuleTable001_": "%%%"}):  # fmt: skip
        found, problems = modules.modules_of({**whole, **damage})
        assert [one.name for one in found] == ["c"]
        assert len(problems) == 1


@given(st.text(alphabet="{}[]=,;\"'\\ na1.-", max_size=60) | st.text(max_size=60))
def test_any_text_is_a_table_or_an_error(text: str) -> None:
    with suppress(lmodtable.TableError):
        assert isinstance(lmodtable.parse(text), dict)

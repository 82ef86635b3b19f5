"""The software of the user's program: its Python, packages, programs and libraries, from files."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import need
from yprov_run.agent.programs import ProgramFinder
from yprov_run.capture import binaries, distributions, elf, interpreter, software
from yprov_run.capture.hashing import Budget


def _python(prefix: Path, version: str = "3.12.4") -> Path:
    """Make what looks like an installed Python that must not be run."""
    short = ".".join(version.split(".")[:2])
    path = prefix / f"bin/python{short}"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"#!/bin/sh\ntouch ran\n")
    path.chmod(0o755)
    (prefix / "bin/python").symlink_to(path.name)
    header = prefix / f"include/python{short}/patchlevel.h"
    header.parent.mkdir(parents=True)
    header.write_text(f'#define PY_MAJOR_VERSION 3\n#define PY_VERSION      "{version}"\n')
    (prefix / f"lib/python{short}/site-packages").mkdir(parents=True)
    return path


def _venv(folder: Path, base: Path, system: bool = False) -> Path:
    python = folder / "bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(base)
    sees = str(system).lower()
    (folder / "pyvenv.cfg").write_text(
        f"home = {base.parent}\ninclude-system-site-packages = {sees}\nversion = 3.12.4\n"
    )
    (folder / "lib/python3.12/site-packages").mkdir(parents=True)
    return python


def _install(site: Path, name: str, version: str, direct_url: object = None) -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: not this\n"
    (folder / "METADATA").write_text(text)
    if direct_url is not None:
        (folder / "direct_url.json").write_text(json.dumps(direct_url))


def test_a_virtual_environment_gives_its_own_packages_and_not_ours(tmp_path: Path) -> None:
    base = _python(tmp_path / "base")
    python = _venv(tmp_path / "env", base)
    site = tmp_path / "env/lib/python3.12/site-packages"
    _install(site, "numpy", "2.0.1")
    _install(
        site, "My.Package", "0.1", {"url": "file:///home/me/p", "dir_info": {"editable": True}}
    )
    _install(site, "from-git", "1", {"url": "https://me:s3cr@host/r.git",
                                     "vcs_info": {"commit_id": "a" * 40}})  # fmt: skip
    _install(tmp_path / "base/lib/python3.12/site-packages", "hidden", "9")
    found = software.capture([str(python), "train.py"], {"PATH": "/nowhere"}, str(tmp_path))
    assert found.python is not None
    assert (found.python.version, found.python.kind) == ("3.12.4", "venv")
    assert (found.python.prefix, found.python.base) == (
        str(tmp_path / "env"),
        str(tmp_path / "base"),
    )
    by_name = {one.name: one for one in found.distributions}
    assert sorted(by_name) == ["My.Package", "from-git", "numpy"]
    assert by_name["numpy"].version == "2.0.1"
    assert (by_name["My.Package"].editable, by_name["My.Package"].origin) == (
        True,
        "file:///home/me/p",
    )
    assert by_name["from-git"].origin == "https://host/r.git"
    assert by_name["from-git"].commit == "a" * 40
    assert not (tmp_path / "ran").exists()


def test_the_first_package_on_the_path_counts(tmp_path: Path) -> None:
    base = _python(tmp_path / "base")
    python = _venv(tmp_path / "env", base, system=True)
    _install(tmp_path / "base/lib/python3.12/site-packages", "Foo_Bar", "1")
    _install(tmp_path / "env/lib/python3.12/site-packages", "foo-bar", "2")
    _install(tmp_path / "home/.local/lib/python3.12/site-packages", "mine", "3")
    _install(tmp_path / "own", "mine", "4")
    environ = {"PYTHONPATH": str(tmp_path / "own"), "HOME": str(tmp_path / "home"), "PATH": ""}
    found = software.capture([str(python)], environ, str(tmp_path))
    assert [(one.name, one.version) for one in found.distributions] == [
        ("foo-bar", "2"), ("mine", "4"),
    ]  # fmt: skip


def test_folders_that_pth_files_add_are_looked_at_and_their_code_is_not_run(tmp_path: Path) -> None:
    python = _venv(tmp_path / "env", _python(tmp_path / "base"))
    site = tmp_path / "env/lib/python3.12/site-packages"
    source = tmp_path / "source"
    (source / "dev.egg-info").mkdir(parents=True)
    (source / "dev.egg-info/PKG-INFO").write_text("Name: dev\nVersion: 5\n")
    (site / "dev.pth").write_text(f"import os; os.mkdir('{tmp_path}/ran')\n{source}\nabsent\n")
    found = software.capture([str(python)], {}, str(tmp_path))
    assert [(one.name, one.version) for one in found.distributions] == [("dev", "5")]
    assert not (tmp_path / "ran").exists()


def test_a_conda_environment_gives_its_packages_too(tmp_path: Path) -> None:
    _python(tmp_path / "conda", "3.11.9")
    records = tmp_path / "conda/conda-meta"
    records.mkdir()
    for name in ("python-3.11.9-h955ad1f_0.json", "cuda-cudart-12.4.127-0.json", "history"):
        (records / name).write_text("not read")
    environ = {"PATH": str(tmp_path / "conda/bin")}
    found = software.capture(["python", "x.py"], environ, str(tmp_path))
    assert found.python is not None
    assert (found.python.kind, found.python.version) == ("conda", "3.11.9")
    assert [(one.name, one.version) for one in found.conda] == [
        ("cuda-cudart", "12.4.127"), ("python", "3.11.9"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "argv",
    [
        ["python", "x.py"], ["srun", "-n4", "python3", "x.py"], ["env", "A=1", "python", "x.py"],
        ["torchrun", "--nproc-per-node=4", "x.py"], ["./run.sh"], ["bash", "plain.sh"],
        ["./direct.py"], ["long-path-script"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_command_comes_to_its_python(tmp_path: Path, argv: list[str]) -> None:
    base = _python(tmp_path / "base")
    (tmp_path / "base/bin/python3").symlink_to(base.name)
    scripts = {
        "base/bin/torchrun": f"#!{tmp_path}/base/bin/python\n",
        "base/bin/long-path-script": f"#!/bin/sh\n'''exec' {tmp_path}/base/bin/python \"$0\"\n",
        "run.sh": "#!/bin/bash -l\nmodule load x\nexec srun python train.py\n",
        "plain.sh": "cd /tmp\npython train.py --lr 1\n",
        "direct.py": "#!/usr/bin/env python\n",
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    found = interpreter.find(argv, {"PATH": f"{tmp_path}/base/bin:/usr/bin:/bin"}, str(tmp_path))
    assert found is not None
    assert found.real_path == str(base)


@pytest.mark.parametrize("argv", [["true"], ["sh", "-c", "echo hi"], ["./absent"], ["\0"], []])
def test_a_command_without_python_comes_to_none(tmp_path: Path, argv: list[str]) -> None:
    assert interpreter.find(argv, {"PATH": "/usr/bin:/bin"}, str(tmp_path)) is None


def test_first_lines_that_name_each_other_come_to_an_end(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / one).write_text(f"#!{tmp_path}/{other}\n")
        (tmp_path / one).chmod(0o755)
    assert interpreter.find(["./a"], {"PATH": ""}, str(tmp_path)) is None


def test_our_own_python_is_described_as_it_describes_itself(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True
    )
    found = interpreter.describe(str(tmp_path / "env/bin/python"))
    version = sys.version.split()[0]
    assert (found.version, found.prefix, found.kind) == (version, str(tmp_path / "env"), "venv")
    real = interpreter.describe(os.path.realpath(sys.executable))
    assert real.version == version
    ours = {
        d.name.lower() for d in distributions.installed(interpreter.describe(sys.executable), {})
    }
    assert {"pytest", "hypothesis"} <= ours


@pytest.mark.parametrize("holder", ["lib64/libpython3.12.so.1.0", "bin/python3.12"])
def test_a_python_without_headers_tells_its_version_by_its_binary(
    holder: str, tmp_path: Path
) -> None:
    """As a system's own Python is, whose headers are a package of their own."""
    python = _python(tmp_path)
    shutil.rmtree(tmp_path / "include")
    assert interpreter.describe(str(python)).version == "3.12"
    (tmp_path / holder).parent.mkdir(exist_ok=True)
    (tmp_path / holder).write_bytes(bytes(1 << 20) + b"\x003.9.1\0x\x003.12.13rc1+\0" + bytes(9))
    assert interpreter.describe(str(python)).version == "3.12.13rc1+"


def test_files_that_name_packages_are_found_beside_the_program(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    for name in ("uv.lock", "requirements-gpu.txt", "other.txt", "app/environment.yml"):
        (tmp_path / name).write_text("x")
    os.mkfifo(tmp_path / "requirements.txt")
    found = software.capture(["python", "app/main.py"], {"PATH": ""}, str(tmp_path))
    assert [Path(one.path).name for one in found.nearby] == [
        "requirements-gpu.txt", "uv.lock", "environment.yml",
    ]  # fmt: skip


@given(st.text(max_size=200))
def test_any_metadata_is_a_package_or_none(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "x-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(text, encoding="utf-8", errors="replace")
        (folder / "direct_url.json").write_text(text, encoding="utf-8", errors="replace")
        assert len(list(distributions._in_folder(name))) == 1


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a program and a library of known build ids."""
    need([name for name in ("cc",) if shutil.which(name) is None], "a compiled program")
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "lib.c").write_text("int known(void) { return 1; }\n")
    (folder / "main.c").write_text(
        "#include <stdio.h>\nint known(void);\n"
        'int main(void) { puts(known() ? "up" : ""); fflush(stdout); getchar(); return 0; }\n'
    )
    for name, words in (
        ("libnccl.so.2.20.5", ["-shared", "-fPIC", "lib.c", "-Wl,--build-id=0x1234"]),
        ("program", ["main.c", "./libnccl.so.2.20.5", "-Wl,--build-id=0xabcdef", "-Wl,-rpath,."]),
    ):
        subprocess.run(["cc", "-o", name, *words], cwd=folder, check=True)
    return folder


def test_a_compiled_program_tells_its_build_id_and_interpreter(compiled: Path) -> None:
    program = elf.read(str(compiled / "program"))
    assert program is not None
    assert program.build_id == "abcdef"
    assert "ld" in program.interpreter
    library = elf.read(str(compiled / "libnccl.so.2.20.5"))
    assert library == elf.Elf("1234", "")


def test_a_running_programs_libraries_are_those_that_are_mapped(compiled: Path) -> None:
    process = subprocess.Popen(
        ["sh", "-c", "./program; true"], cwd=compiled, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdin
    try:
        process.stdout.readline()  # it runs
        seen = {one.exe: one for one in ProgramFinder().look(0.0, [process.pid])}
    finally:
        process.communicate(b"\n")
    program = seen[str(compiled / "program")]
    assert str(compiled / "libnccl.so.2.20.5") in program.files
    assert not program.elsewhere
    found = binaries.capture({program.exe: False}, program.files, Budget(60, 1 << 40))
    assert [(one.path, one.build_id) for one in found.programs] == [(program.exe, "abcdef")]
    assert all(one.sha256 or one.build_id for one in (*found.programs, *found.libraries))
    versions = {one.name: one.version for one in found.components}
    assert versions["NCCL"] == "2.20.5"
    assert versions["C library"] == os.confstr("CS_GNU_LIBC_VERSION").split()[1]  # type: ignore[union-attr]


def test_each_file_is_told_once_and_looks_become_rare(tmp_path: Path) -> None:
    process = tmp_path / "7"
    (process / "task/7").mkdir(parents=True)
    (process / "ns").mkdir()
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/mnt").symlink_to("mnt:[1]")
    (process / "ns/mnt").symlink_to("mnt:[2]")
    (process / "exe").symlink_to("/opt/app")
    line = "7f00-7f01 r-xp 00000000 00:00 1    {}\n"
    (process / "maps").write_text(line.format("/lib/a b.so") + line.format("/gone.so (deleted)"))
    finder = ProgramFinder(str(tmp_path))
    (first,) = finder.look(0.0, [7])
    assert (first.exe, first.files, first.elsewhere) == ("/opt/app", ["/lib/a b.so"], True)
    (process / "maps").write_text(line.format("/lib/a b.so") + line.format("/lib/late.so"))
    assert finder.look(0.5, [7]) == []
    (later,) = finder.look(1.0, [7])
    assert later.files == ["/lib/late.so"]
    assert finder.look(4.0, [7]) == []
    assert finder.look(15.0, [8]) == []


@given(st.binary(max_size=400))
def test_any_bytes_are_an_elf_file_or_none(content: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile() as stream:
        for head in (b"", b"\x7fELF\x02\x01\x01" + b"\0" * 9, b"\x7fELF\x01\x02" + b"\0" * 10):
            stream.seek(0)
            stream.truncate()
            stream.write(head + content)
            stream.flush()
            found = elf.read(stream.name)
            assert found is None or isinstance(found.build_id, str)


def test_a_notes_segment_of_other_notes_has_no_build_id() -> None:
    other = struct.pack("<III", 4, 4, 1) + b"GNU\0" + b"abcd"
    mine = struct.pack("<III", 4, 3, 3) + b"GNU\0" + b"\x01\x02\x03"
    assert elf._build_id(other, "<") == ""
    assert elf._build_id(other + mine, "<") == "010203"

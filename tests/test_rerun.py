"""What `yprov-inspect rerun` prints and runs: each step with its own variables and modules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.commands import environment, run
from tests.support.modulesystems import module_command
from tests.support.records import Shape, write_record
from yprov_run.cli.fold import fold
from yprov_run.jobdir import SCHEMA_VERSION, JobDir, StepDir

ONE = Shape(number=1, nodes=1, gpus=0, seconds=30, name="j", argv=("printenv", "OMP_NUM_THREADS"))
GCC = {"name": "gcc", "version": "13.2", "file": "/m/gcc/13.2", "sha256": "ab12cd34ef56" + "0" * 52}
# A `module` that only says what it was asked for, and where it would look.
MODULE = 'module() { echo "module $* from ${MODULEPATH-nowhere}"; }\n'


def recorded(base: Path, steps: int = 1) -> JobDir:
    """Return a job of so many equal steps, each launched in that folder."""
    directory = write_record(base / "yprov", ONE)
    for number in range(1, steps):
        shutil.copytree(directory.steps_dir / "0", directory.steps_dir / str(number))
    for step in directory.steps():
        command = json.loads(step.command.read_text())
        step.command.write_text(json.dumps({**command, "cwd": str(base), "launcher": "local"}))
    return directory


def had(step: StepDir, variables: Mapping[str, str], cut: Sequence[str] = (),
        modules: Sequence[Mapping[str, str]] = ()) -> None:  # fmt: skip
    """Write what a step was launched with."""
    kinds: dict[str, dict[str, object]] = {
        "environment": {"variables": dict(variables), "left_out": 0, "cut": list(cut)},
    }
    if modules:
        kinds["modules"] = {"system": "Lmod", "system_version": "8.7", "modules": list(modules)}
    step.captured_dir.mkdir(exist_ok=True)
    for kind, data in kinds.items():
        record = {"schema": SCHEMA_VERSION, "kind": kind, "data": data}
        step.captured(kind).write_text(json.dumps(record))


def inspect(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return what a subcommand printed, and what it said on stderr."""
    done = run("yprov-inspect", *words, cwd=folder, env=env or environment(COLUMNS="200"))
    return done.stdout.decode(), done.stderr.decode()


def said(script: str) -> list[str]:
    """Return what a script says as bash runs it, the modules that it asks for among it."""
    commands = script.replace("yprov-run ", "")
    done = subprocess.run(
        ["bash", "-c", MODULE + commands], capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    return done.stdout.splitlines()


def test_a_variable_that_is_not_recorded_whole_is_left_out_and_named(tmp_path: Path) -> None:
    directory = recorded(tmp_path)
    (step,) = directory.steps()
    path = "/lib:" * 3276 + "/lib"
    had(step, {"LD_LIBRARY_PATH": path, "OMP_NUM_THREADS": "4"}, cut=["LD_LIBRARY_PATH"])
    fold(directory, with_report=False)
    script, warnings = inspect(tmp_path, "rerun", "1")
    assert "LD_LIBRARY_PATH" not in script
    assert "export OMP_NUM_THREADS=4\n" in script
    assert [line for line in warnings.splitlines() if "LD_LIBRARY_PATH" in line] == [
        "yprov-inspect rerun: LD_LIBRARY_PATH: too long to be recorded whole; not set here"
    ]
    shown = json.loads(inspect(tmp_path, "show", "1", "--env", "--json")[0])
    assert [row["value"] for row in shown if row["variable"] == "LD_LIBRARY_PATH"] == [path]


def test_modules_are_loaded_in_their_order_before_any_variable_but_their_path_is_set(
    tmp_path: Path,
) -> None:
    directory = recorded(tmp_path)
    (step,) = directory.steps()
    mpi = {"name": "mpi/openmpi", "version": "4.1.4"}
    state = {"LOADEDMODULES": "x", "_LMFILES_": "x", "LMOD_VERSION": "8.7", "MODULES_CMD": "x"}
    variables = {**state, "MODULEPATH": "/m", "OMP_NUM_THREADS": "4"}
    had(step, variables, modules=[GCC, mpi, {"name": "plain"}])
    fold(directory, with_report=False)
    script, _ = inspect(tmp_path, "rerun", "1")
    assert script.splitlines() == [
        "set -e", "export MODULEPATH=/m", "module load gcc/13.2", "module load mpi/openmpi/4.1.4",
        "module load plain", "export OMP_NUM_THREADS=4", f"cd {tmp_path}",
        "yprov-run printenv OMP_NUM_THREADS",
    ]  # fmt: skip


def test_a_module_is_one_line_wherever_it_is_shown(tmp_path: Path) -> None:
    for number, version in ((1, "13.2"), (2, "12.3")):
        directory = recorded(tmp_path / str(number))
        (step,) = directory.steps()
        modules = [{**GCC, "version": version}, {"name": "plain"}]
        had(step, {"LOADEDMODULES": f"gcc/{version}:plain"}, modules=modules)
        fold(directory, with_report=False)
    first, second = (str(next((tmp_path / name / "yprov").iterdir())) for name in "12")
    shown = json.loads(inspect(tmp_path, "show", first, "--modules", "--json")[0])
    assert [(row["module"], row["value"]) for row in shown] == [
        ("gcc", "13.2 (file sha256 ab12cd34ef56)"), ("plain", "no version"),
    ]  # fmt: skip
    found = json.loads(inspect(tmp_path, "diff", first, second, "--json")[0])
    changes = [change for change in found["changes"] if change["section"] != "circumstances"]
    assert [(change["section"], change["key"]) for change in changes] == [("modules", "gcc")]


def test_each_step_has_its_own_variables_and_modules(tmp_path: Path) -> None:
    directory = recorded(tmp_path, steps=3)
    first, second, third = directory.steps()
    had(first, {"OMP_NUM_THREADS": "4", "CUDA_X": "1", "MODULEPATH": "/a"}, modules=[GCC])
    had(second, {"OMP_NUM_THREADS": "8", "MODULEPATH": "/a"}, modules=[GCC])
    newer = {**GCC, "version": "14.1"}
    had(third, {"OMP_NUM_THREADS": "8", "MODULEPATH": "/b"}, modules=[newer])
    fold(directory, with_report=False)
    script, _ = inspect(tmp_path, "rerun", "1")
    blocks = script.split("yprov-run printenv OMP_NUM_THREADS\n")
    assert blocks[1].splitlines() == [
        "unset CUDA_X", "export OMP_NUM_THREADS=8", f"cd {tmp_path}",
    ]  # fmt: skip
    assert said(script) == [
        "module load gcc/13.2 from /a", "4", "8",
        "module purge from /a", "module load gcc/14.1 from /b", "8",
    ]  # fmt: skip
    for number, threads in enumerate("488"):
        script, _ = inspect(tmp_path, "rerun", "1", "--step", str(number))
        assert said(script)[-1] == threads
    done, _ = inspect(tmp_path, "rerun", "1", "--execute", env=environment(OMP_NUM_THREADS="1"))
    assert done.splitlines()[-3:] == ["4", "8", "8"]


@pytest.mark.parametrize("system", ["lmod", "environment-modules"])
def test_a_real_module_system_brings_each_step_what_it_had(system: str, tmp_path: Path) -> None:
    for name in ("gcc/12.3", "gcc/13.2", "plain"):
        file = tmp_path / "m" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        module = name.replace("/", "-")
        file.write_text(f"#%Module1.0\nprepend-path PATH /{module}\nsetenv OMP_LAST {module}\n")
    command = module_command(system)
    function = f'module() {{ eval "$({command} "$@" 2>/dev/null)"; }}\n'
    show = "yprov-run -q sh -c 'echo $OMP_LAST $LOADEDMODULES $PATH'\n"
    env = environment(SLURM_JOB_ID="7", MODULEPATH=str(tmp_path / "m"))
    script = (
        f"{function}module load gcc/12.3 plain; {show}module purge; module load gcc/13.2; {show}"
    )
    first = run("bash", "-c", script, cwd=tmp_path, env=env)
    assert first.returncode == 0, first.stderr
    had_then = first.stdout.decode().splitlines()
    assert [line.split()[:2] for line in had_then] == [["plain", "gcc/12.3:plain"],
                                                   ["gcc-13.2", "gcc/13.2"]]  # fmt: skip
    again = function + inspect(tmp_path, "rerun", "7")[0].replace("yprov-run ", "")
    done = run("bash", "-c", again, cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    assert done.stdout.decode().splitlines() == had_then


def test_what_modules_may_have_changed_is_set_again_after_them(tmp_path: Path) -> None:
    """A variable that both steps have alike is gone if the first step's module had set it."""
    directory = recorded(tmp_path, steps=2)
    for step, version in zip(directory.steps(), ("13.2", "14.1"), strict=True):
        had(step, {"OMP_NUM_THREADS": "4"}, modules=[{**GCC, "version": version}])
    fold(directory, with_report=False)
    script, _ = inspect(tmp_path, "rerun", "1")
    unsetting = MODULE.replace("}", "unset OMP_NUM_THREADS; }")
    assert said(unsetting + script)[-1] == "4"


def test_a_step_of_which_no_variables_are_recorded_says_so_and_changes_none(
    tmp_path: Path,
) -> None:
    directory = recorded(tmp_path, steps=2)
    first, _ = directory.steps()
    had(first, {"OMP_NUM_THREADS": "4", "PATH": "/usr"}, cut=["PATH"], modules=[GCC])
    fold(directory, with_report=False)
    script, warnings = inspect(tmp_path, "rerun", "1", "--execute")
    assert said(script.partition("\n4")[0])[1:] == ["4", "4"]
    assert script.splitlines()[-2:] == ["4", "4"]
    assert "step 1: its variables are not recorded" in warnings


def test_a_repeat_is_asked_for_by_the_same_options_and_compares_as_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "in.txt").write_text("42")
    env = environment(ZZ_MODE="fast")
    run("yprov-run", "-q", "--no-report", "--name", "copy", "-i", "in*", "-o", "out.txt",
        "--tag", "who=you and me", "--figure-of-merit", "n=out.txt:([0-9]+)", "--env", "ZZ_*",
        "cp", "in.txt", "out.txt", cwd=tmp_path, env=env)  # fmt: skip
    script, _ = inspect(tmp_path, "rerun", "1", "--execute")
    assert script.splitlines()[-1] == (
        "yprov-run --name copy --input 'in*' --output out.txt --tag 'who=you and me'"
        " --figure-of-merit 'n=out.txt:([0-9]+)' --env 'ZZ_*' cp in.txt out.txt"
    )
    first, second = (JobDir(tmp_path / f"yprov/copy_{number}") for number in (1, 2))
    for part in ("tags", "figureOfMerit"):
        values = [f'"run:{part}' in job.document.read_text() for job in (first, second)]
        assert values == [True, True], part
    same = run("yprov-inspect", "diff", "1", "2", cwd=tmp_path)
    assert same.returncode == 0, same.stdout.decode()


def test_a_credential_among_the_options_is_not_recorded_and_not_run_without(
    tmp_path: Path,
) -> None:
    tag = "token=hunter2hunter2"
    run("yprov-run", "-q", "--no-report", "--no-capture", "--tag", tag, "true", cwd=tmp_path)
    script, error = inspect(tmp_path, "rerun", "1", "--execute")
    assert script.endswith("yprov-run --tag 'token=<redacted>' --no-capture true\n")
    assert "a credential was left out" in error
    assert "hunter2" not in (tmp_path / "yprov/true_1/record/steps/0/step.json").read_text()


def test_names_and_values_that_no_shell_can_set_are_left_out(tmp_path: Path) -> None:
    directory = recorded(tmp_path)
    (step,) = directory.steps()
    had(step, {"OMP_NUM_THREADS": "4", "OMP_\u00e9": "1", "OMP_N": "a\0b", "OMP_S": "\ud800",
               "OMP X": "1"}, modules=[{"name": "--help"}])  # fmt: skip
    fold(directory, with_report=False)
    script, _ = inspect(tmp_path, "rerun", "1")
    assert said(script) == ["4"]


def test_a_step_gets_the_file_again_that_was_its_standard_input(tmp_path: Path) -> None:
    (tmp_path / "the words.txt").write_text("hello\n")
    steps = "yprov-run cat <'the words.txt'; yprov-run cat 'the words.txt'"
    run("yprov-run", "-q", "--name", "two", "sh", "-c", steps, cwd=tmp_path)
    (job,) = (tmp_path / "yprov").glob("two_*")
    script, _ = inspect(tmp_path, "rerun", str(job))
    assert [line.count("<") for line in script.splitlines() if " cat " in line][-2:] == [1, 0]
    shutil.rmtree(job)
    done = run("sh", "-c", "exec yprov-run -q --no-merge cat <'the words.txt'", cwd=tmp_path)
    assert done.stdout == b"hello\n"
    script, _ = inspect(tmp_path, "rerun", "1")
    assert script.splitlines()[-1].endswith(f"cat <'{tmp_path}/the words.txt'")
    done = run("yprov-inspect", "rerun", "1", "--execute", cwd=tmp_path)
    assert done.stdout.endswith(b"/the words.txt'\nhello\n")
    (tmp_path / "the words.txt").unlink()
    done = run("yprov-inspect", "rerun", "1", "--execute", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(b"the words.txt: No such file or directory")

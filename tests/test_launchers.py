"""Where a launcher's options end and its program begins."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import environment, run
from yprov_run import launchers
from yprov_run.jobdir import StepDir
from yprov_run.launch.plan import SHELL, make_plan
from yprov_run.launchers import hydra, openmpi, srun
from yprov_run.launchers.grammar import Placement, insert_after_options

SEARCH_PATH = "/usr/bin:/bin"


def place(line: str) -> Placement:
    return launchers.place(shlex.split(line), SEARCH_PATH)


@pytest.mark.parametrize(
    ("line", "launcher"),
    [
        ("HERE python train.py -n 4", "local"),
        ("HERE ./srun.sh -N 4", "local"),
        ("srun HERE python train.py -n 4", "srun"),
        ("srun -N4 -n 8 HERE python train.py --mpi", "srun"),
        ("/opt/slurm/bin/srun --nodes=4 --ntasks 8 HERE a.out", "srun"),
        ("srun -lu -c2 HERE a.out", "srun"),
        ("srun -lun 4 HERE a.out", "srun"),
        ("srun --ntasks-per-n 2 HERE a.out", "srun"),
        ("srun -K HERE a.out", "srun"),
        ("srun -K1 --kill-on-bad-exit HERE a.out", "srun"),
        ("srun --exclusive HERE a.out -x", "srun"),
        ("srun --exclusive=user -I30 HERE a.out", "srun"),
        ("srun --cpu-bind=none --export ALL,A=1 -- HERE a.out", "srun"),
        ("srun --nt 4 HERE a.out", "srun"),  # one of several, each with a value
        ("srun --container-image=a/b:c --no-container-mount-home HERE a.out", "srun"),
        ("srun --some-plugins-option=1 HERE a.out", "srun"),
        ("srun --tasks-per-node 2 --oom-kill-step HERE a.out", "srun"),
        ("srun --gpus-per-task=1 --gpu-bind=single:1 --mem 0 HERE bash -c 'echo :'", "srun"),
    ],
)
def test_the_shim_goes_right_before_the_program(line: str, launcher: str) -> None:
    words = shlex.split(line)
    here = words.index("HERE")
    del words[here]
    placement = launchers.place(words, SEARCH_PATH)
    assert (placement.launcher, placement.positions, placement.warning) == (launcher, (here,), "")


@pytest.mark.parametrize(
    "line",
    [
        "mpirun HERE a.out -np 3",
        "mpirun.openmpi -np 4 --map-by node -x A=1 --mca btl tcp,self HERE a.out",
        "mpirun.openmpi -n 1 HERE a.out : -n 2 HERE b.out",
        "mpirun.openmpi --hostfile h -report-bindings --oversubscribe HERE a.out",
        "mpirun --forward-signals SIGUSR1,SIGUSR2 -n 4 HERE a.out",
        "mpirun --stream-buffering 0 HERE a.out",
        "mpirun --stop-on-exec -n 4 HERE a.out",
    ],
)
def test_open_mpi_programs_are_found_each(line: str, open_mpi: str) -> None:
    words: list[str] = []
    positions: list[int] = []
    for word in shlex.split(line):
        if word == "HERE":
            positions.append(len(words))
        else:
            words.append(word)
    placement = launchers.place(words, open_mpi)
    assert (placement.launcher, placement.positions) == ("openmpi", tuple(positions))


def _program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def open_mpi(tmp_path: Path) -> str:
    """Return a search path on which mpirun resolves to Open MPI's program, as when installed."""
    program = _program(tmp_path / "orterun", "")
    for name in ("mpirun", "mpirun.openmpi"):
        (tmp_path / name).symlink_to(program)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("answer", "launcher"),
    [
        ("mpirun (Open MPI) 5.0.6", "openmpi"),
        ("HYDRA build details:", "hydra"),
        ("Intel(R) MPI Library for Linux* OS, Version 2021.13 Build 20240515", "hydra"),
    ],
)
def test_an_mpirun_that_its_name_does_not_tell_is_asked(
    answer: str, launcher: str, tmp_path: Path
) -> None:
    program = _program(tmp_path / "mpirun", f"echo '{answer}'")
    placement = launchers.place([str(program), "-n", "2", "a.out"], str(tmp_path))
    assert placement.launcher == launcher


@pytest.mark.parametrize("name", ["mpirun", "mpiexec"])
def test_an_mpi_command_that_nobody_recognises_is_left_alone_and_that_is_said(
    name: str, tmp_path: Path
) -> None:
    """Such as ParaStation's: taken for a program of this machine, its tasks would go unseen."""
    program = _program(tmp_path / name, "echo something else")
    placement = launchers.place(["env", "A=1", str(program), "-n", "2", "a.out"], SEARCH_PATH)
    assert placement.positions == ()
    assert placement.warning.startswith(f"{name}: of no MPI that is known")
    assert launchers.place(["mpiexec", "a.out"], str(tmp_path / "empty")).warning == ""


@pytest.mark.parametrize("folder", ["opt/cray/pals/1.4/bin", "opt/cray/pe/pals/1.2.12/bin"])
def test_pals_is_known_by_the_folder_that_its_mpiexec_is_in(folder: str, tmp_path: Path) -> None:
    program = tmp_path / folder / "mpiexec"
    program.parent.mkdir(parents=True)
    _program(program, "echo PALS")
    line = [str(program), "-n", "4", "--ppn", "2", "--env", "A=1", "a.out"]
    placement = launchers.place(line, SEARCH_PATH)
    assert (placement.launcher, placement.positions, placement.warning) == ("hydra", (7,), "")


def test_a_folder_that_is_called_pals_makes_no_hydra_into_pals(tmp_path: Path) -> None:
    program = tmp_path / "home/pals/bin/mpiexec.hydra"
    program.parent.mkdir(parents=True)
    _program(program, "")
    placement = launchers.place([str(program), "-n", "4", "-env", "A", "1", "a.out"], SEARCH_PATH)
    assert placement.positions == (6,)


def test_a_launcher_is_asked_once_however_many_grammars_want_to_know(tmp_path: Path) -> None:
    program = _program(tmp_path / "mpirun", f"echo asked >>{tmp_path}/asked")
    launchers.place([str(program), "-n", "2", "a.out"], str(tmp_path))
    assert (tmp_path / "asked").read_text() == "asked\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("srun --no-such-option a.out", "--no-such-option"),
        ("srun -y a.out", "-y"),
        ("srun --ntasks 4", "no program"),
        ("srun --no 4 a.out", "--no"),  # --nodes or --no-kill: not clear which
        ("srun -n1 a.out : --wrong b.out", "--wrong"),
    ],
)
def test_in_doubt_the_command_is_left_alone_and_the_reason_is_said(line: str, words: str) -> None:
    placement = place(line)
    assert placement.positions == ()
    assert words in placement.warning


@pytest.mark.parametrize(
    ("option", "word"),
    [("-trace", "-n"), ("-t", "-n"), ("-check-mpi", "-n"), ("-s", "all"), ("-tune", "-n"),
     ("-gdb-ia", "-n")],
)  # fmt: skip
def test_an_option_whose_value_depends_on_the_release_leaves_hydras_command_alone(
    option: str, word: str
) -> None:
    """Intel's -trace may have a value, its -s has one: MPICH has no such options."""
    placement = place(f"mpiexec.hydra {option} {word} 4 a.out")
    assert placement.positions == ()
    assert f"option '{option}' is not known" in placement.warning


def test_an_option_with_a_value_in_one_open_mpi_only_leaves_the_command_alone(
    open_mpi: str,
) -> None:
    placement = launchers.place(["mpirun", "--display-topo", "-n", "4", "a.out"], open_mpi)
    assert placement.positions == ()
    assert "'--display-topo' is not known" in placement.warning


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("srun --bcast a.out", "--bcast"),
        ("srun -n 4 --bcast=/tmp/mine a.out", "--bcast=/tmp/mine"),
        ("srun -n1 a.out : --bcast=/tmp/b b.out", "--bcast=/tmp/b"),
        ("mpirun -s -n 4 a.out", "-s"),
        ("mpirun -n 4 --preload-binary a.out", "--preload-binary"),
        ("mpirun -n 1 a.out : -preload-binary b.out", "-preload-binary"),
    ],
)
def test_a_launcher_that_copies_its_first_word_to_the_nodes_is_left_alone(
    line: str, option: str, open_mpi: str
) -> None:
    """That word would be the shell's: the program itself would not get there."""
    placement = launchers.place(shlex.split(line), open_mpi)
    assert placement.positions == ()
    assert f"option '{option}' copies the program to the nodes" in placement.warning


def test_a_value_that_looks_like_such_an_option_is_a_value() -> None:
    assert place("srun -J --bcast --bcast-exclude=/usr a.out").positions == (4,)


def test_an_srun_that_its_environment_tells_to_copy_the_program_is_left_alone(
    tmp_path: Path,
) -> None:
    env = environment(SLURM_BCAST="/tmp/mine")
    done = run("yprov-run", "--dry-run", "srun", "-n", "4", "a.out", cwd=tmp_path, env=env)
    assert done.stdout == b"srun -n 4 a.out\n"
    assert b"srun: SLURM_BCAST copies the program to the nodes" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "env A=1 B=2 srun -n2 HERE a.out",
        "env -i -u X PATH=/bin srun HERE a.out",
        "timeout -k 5 3600 srun HERE a.out",
        "timeout --signal=USR1 60 nice -n 5 stdbuf -oL srun -n 2 HERE a.out",
        "time -p srun HERE a.out",
        "numactl --cpunodebind=0 -m 0 srun HERE a.out",
        "HERE env A=1 python train.py",
        "timeout --sig INT --kill=5 60 nice --adj=5 srun HERE a.out",
        "env - A=1 srun HERE a.out",
        "numactl --cpubind=0 --membind=0 srun HERE a.out",
        "HERE nice",
        "HERE python train.py --launcher mpirun",
        "HERE bash -c 'yprov-run srun a.out'",
        "HERE bash -c 'echo srunner'",
        "srun HERE apptainer exec img.sif python t.py",
        "srun HERE nsys profile -o x python t.py",
        "flux run -N4 -n 8 --setopt=mpi=none HERE a.out",
        "jsrun -n 4 -a 1 -g 1 --smpiargs=-gpu HERE a.out",
        "jsrun --nrs 4 -bpacked:4 HERE a.out",
        "ibrun HERE a.out",
        "ibrun -n 68 -o 0 HERE a.out",
        "aprun -n 64 -N 32 -d 1 -cc depth -sn 2 -sl 0,1 -ss HERE a.out",
        "mpiexec.hydra -n 4 -ppn 2 -hosts a,b -genv A 1 HERE a.out",
        "mpiexec.hydra -n 1 -env A 1 HERE a.out : -n 2 HERE b.out",
        "mpiexec.hydra -rr -n 4 HERE a.out",
        "unknown-launcher -n 4 {yprov}HERE python t.py",
    ],
)
def test_prefixes_and_other_launchers(line: str) -> None:
    words: list[str] = []
    positions: list[int] = []
    for word in shlex.split(line):
        if word == "{yprov}HERE":
            positions.append(len(words))
            words.append("{yprov}")
        elif word == "HERE":
            positions.append(len(words))
        else:
            words.append(word)
    placement = launchers.place(words, SEARCH_PATH)
    assert (placement.positions, placement.warning) == (tuple(positions), "")


@pytest.mark.parametrize(
    ("line", "launcher"),
    [
        ("timeout --unknown 60 srun a.out", "srun"),
        ("setsid srun -n 2 a.out", "srun"),
        ("strace -f mpirun a.out", "mpirun"),
        ("bash -c 'cd x && /usr/bin/srun a.out'", "srun"),
        ("env -S 'A=1' srun a.out", "srun"),
        ("flux submit a.out", "flux"),
        ("ccc_mprun -n 4 a.out", "ccc_mprun"),
    ],
)
def test_a_launcher_whose_program_is_not_found_is_recorded_here_and_that_is_said(
    line: str, launcher: str
) -> None:
    placement = place(line)
    assert (placement.launcher, placement.positions) == ("local", (0,))
    assert placement.warning.startswith(f"{launcher}: where its program begins in this command")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("srun -n 2 ./bin/a.out x", "srun --job-name=a.out -n 2 SHIM ./bin/a.out x"),
        ("srun -J mine -- a.out", "srun --job-name=a.out -J mine -- SHIM a.out"),
        (
            "srun a.out : -n 2 b.out : c",
            "srun --job-name=a.out SHIM a.out : --job-name=b.out -n 2 SHIM b.out : "
            "--job-name=c SHIM c",
        ),
        ("nice srun a.out", "nice srun --job-name=a.out SHIM a.out"),
    ],
)
def test_a_step_of_srun_is_named_after_its_program(line: str, shown: str, tmp_path: Path) -> None:
    plan = make_plan(shlex.split(line), StepDir(tmp_path), SEARCH_PATH)
    words = list(plan.command)
    while SHELL in words:
        shell = words.index(SHELL)
        words[shell : shell + 5] = ["SHIM"]
    assert " ".join(words) == shown


def test_srun_outside_an_allocation_takes_its_name_from_the_variable(tmp_path: Path) -> None:
    env = environment(SLURM_JOB_NAME="mine")
    done = run("yprov-run", "--dry-run", "srun", "a.out", cwd=tmp_path, env=env)
    assert b"--job-name" not in done.stdout


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("0 a.out x\n1-3 b.out\n", "0 SHIM a.out x\n1-3 SHIM b.out\n"),
        ("# c\n\n* a 'b c' \\\n d\n", "# c\n\n* SHIM a 'b c' \\\n d\n"),
        ("what is this\n", None),
        ("0\n", None),
        ("0 a.out x\u00a0y\u0085z\x0c\n", "0 SHIM a.out x\u00a0y\u0085z\x0c\n"),
    ],
)
def test_a_multi_prog_file_gets_the_shim_before_each_program(
    text: str, rewritten: str | None
) -> None:
    assert srun.insert_into_multi_prog(text, "SHIM") == rewritten


def test_a_file_of_programs_gets_the_shim_after_each_lines_options() -> None:
    text = "# c\n-n 1 -env A 1 a.out x\u00a0y\u2028z\n-n 2\tb.out\r\n"
    expected = "# c\n-n 1 -env A 1 SHIM a.out x\u00a0y\u2028z\n-n 2 SHIM b.out\r\n"
    assert insert_after_options(text, "SHIM", hydra.OPTIONS) == expected
    assert insert_after_options("--wrong a.out", "SHIM", hydra.OPTIONS) is None
    assert insert_after_options("-n 1 -s a.out", "SHIM", openmpi.OPTIONS) is None


@pytest.mark.parametrize(
    "line",
    [
        "mpirun a.out --app x",
        "mpirun --display-topo -np 1 a.out --app x",
        "mpirun --path /opt/bin a.out --app x",
        "mpirun a.out --app x : -np 1",
        "mpiexec.hydra -check-mpi -n 1 python t.py --configfile x",
    ],
)
def test_an_option_of_the_programs_own_names_no_file(line: str, open_mpi: str) -> None:
    assert launchers.place(shlex.split(line), open_mpi).file is None


def test_a_file_of_programs_that_is_a_pipe_is_left_to_the_launcher(
    open_mpi: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "app")
    plan = make_plan(["mpirun", "--app", str(tmp_path / "app")], StepDir(tmp_path), open_mpi)
    assert plan.command == ("mpirun", "--app", str(tmp_path / "app"))
    assert plan.placement.warning


@pytest.mark.parametrize("line", ["srun --version", "srun -V", "srun --help", "srun -h"])
def test_a_launcher_that_runs_no_program_is_left_alone_silently(line: str) -> None:
    placement = place(line)
    assert (placement.positions, placement.warning) == ((), "")


def _option(name: str, values: int) -> st.SearchStrategy[list[str]]:
    value = st.sampled_from(["1", "a", "node[1-2]", "-1", "--x", "srun"])
    if values == 0:
        return st.just([name])
    spaced = st.lists(value, min_size=values, max_size=values).map(lambda given: [name, *given])
    if values == 1 and name.startswith("--"):
        return spaced | value.map(lambda given: [f"{name}={given}"])
    return spaced


ANY_OPTION = st.sampled_from(
    sorted(
        (name, count)
        for name, count in (
            *srun.OPTIONS.values.items(),
            *((flag, 0) for flag in srun.OPTIONS.flags - {"--multi-prog", "--bcast"}),
        )
        if name not in srun.OPTIONS.asks_no_program
    )
).flatmap(lambda option: _option(*option))


@given(
    options=st.lists(ANY_OPTION, max_size=8),
    arguments=st.lists(st.text().filter(lambda word: word != ":"), max_size=4),
)
def test_any_valid_srun_command_has_its_program_found(
    options: list[list[str]], arguments: list[str]
) -> None:
    before = [word for option in options for word in option]
    placement = launchers.place(["srun", *before, "a.out", *arguments], SEARCH_PATH)
    assert placement.positions == (1 + len(before),)


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_no_command_line_of_any_words_is_a_crash(words: list[str]) -> None:
    for launcher in ("srun", "mpirun.openmpi"):
        placement = launchers.place([launcher, *words], "")
        assert all(0 <= position <= len(words) for position in placement.positions)

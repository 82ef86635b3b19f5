"""Every launcher that can be had here, for real: the same output as without us, and a record."""

from __future__ import annotations

import ctypes.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support import documents
from tests.support.commands import BIN, environment, only_job, run
from tests.support.slurm import SlurmCluster

pytestmark = [pytest.mark.cluster, pytest.mark.parametrize("cluster", ["cgroup"], indirect=True)]

# Nodes that are one machine must not share Open MPI's memory: it crashes, with us and without.
TCP = "--mca btl self,tcp"

# One write per line: lines of several ranks must not mix. Hydra breaks, with us and without, when
# a node's ranks have ended before its last node has called back (3 of some 230 steps did;
# of 300 whose ranks lasted none): under it, which sets PMI_SIZE, none ends before all have begun.
SHOW = """\
line=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-$SLURM_PROCID}}
for word; do line="$line|$word"; done
echo "$line"
if [ "$PMI_SIZE" ]; then
    : >"began.$RUN.$PMI_RANK"
    until set -- began."$RUN".*; [ $# -eq "$PMI_SIZE" ]; do sleep 0.02; done
fi
exit "$STATUS"
"""


def _both(
    cluster: SlurmCluster, folder: Path, command: str, options: tuple[str, ...] = ("-N4", "-n8")
) -> tuple[list[str], list[str], documents.Document]:
    """Run a command bare and wrapped in one job; return both outputs, sorted, and the document."""
    show = folder / "show"
    show.write_text(f"#!/bin/sh\n{SHOW}\n")
    show.chmod(0o755)
    script = (
        "#!/bin/bash\nexport STATUS=0\n"
        f"RUN=bare {command.replace('{yprov} ', '')} >bare; echo bare $?\n"
        f"RUN=wrapped yprov-run -q {command} >wrapped; echo wrapped $?\n"
    )
    finished = cluster.batch(
        script, folder, options, {"PATH": f"{BIN}:{folder}:{os.environ['PATH']}"}
    )
    statuses = dict(
        line.split() for line in finished.output.splitlines() if line[:4] in {"bare", "wrap"}
    )
    assert statuses["bare"] == statuses["wrapped"], finished.output
    bare, wrapped = (
        sorted((folder / name).read_text().splitlines()) for name in ("bare", "wrapped")
    )
    return bare, wrapped, documents.load(only_job(folder) / "prov.json")


COMMANDS = {
    "srun": ("srun show a 'b c' ''", 8),
    "srun behind prefixes": ("env A=1 timeout 60 nice -n 1 srun -n4 show x", 4),
    "srun with a mark": ("bash -c 'exec srun -n 4 \"$@\"' x {yprov} show y", 4),
    "a prefix around the program": ("srun -n3 env B=2 nice show z", 3),
    "Open MPI": ("mpirun.openmpi -np 8 show a 'b c'", 8),
    "Open MPI, two programs": ("mpirun.openmpi -np 2 show a : -np 3 show b", 5),
    "MPICH": ("mpiexec.hydra -n 8 show a 'b c'", 8),
    "MPICH, two programs": ("mpiexec.hydra -n 2 show a : -n 3 -env X 1 show b", 5),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_output_is_that_of_the_bare_command_and_all_tasks_are_recorded(
    name: str, cluster: SlurmCluster, tmp_path: Path
) -> None:
    need([p for p in ("mpiexec.hydra", "mpirun.openmpi") if not shutil.which(p)], "this test")
    command, tasks = COMMANDS[name]
    bare, wrapped, document = _both(cluster, tmp_path, command)
    assert len(bare) == tasks
    assert wrapped == bare
    job = documents.job(document)
    assert job["run:taskCount"] == tasks, documents.gaps(document)
    assert job["run:state"] == "completed"


# How each program is told that it is called, which is looked for beside us, on the PATH, and in the
# folder alone; nothing where there is no such program.
CALLED = {
    "srun -n1 ./beside": "{folder}/./beside",
    "srun -n1 ../{name}/beside": "{folder}/../{name}/beside",
    "srun -n1 show": "{folder}/bin/show", "srun -n1 sub/beside": "sub/beside",
    "srun -n1 beside": "beside", "srun -n1 --multi-prog programs": "beside",
    "srun -n1 ./k=v": "{folder}/./k=v", "srun -n1 absent": "", "srun -n1 ./plain": "",
    f"mpirun.openmpi {TCP} -np 1 beside": "{folder}/beside",
    f"mpirun.openmpi {TCP} -np 1 ./k=v": "./k=v",
    f"mpirun.openmpi {TCP} -np 1 show": "{folder}/bin/show",
}  # fmt: skip


def test_a_program_is_found_where_its_launcher_finds_it_and_called_by_the_same_name(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    """By that name scripts find what lies beside them. A shell's function reaches them as well."""
    for name in ("bin/show", "sub/beside", "beside", "k=v"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('#!/bin/bash\necho "$0 $(type -t told)"\n')
        (tmp_path / name).chmod(0o755)
    (tmp_path / "plain").write_text("")
    (tmp_path / "programs").write_text("0 beside\n")
    words = {"folder": str(tmp_path), "name": tmp_path.name}
    lines = ["#!/bin/bash", "told() { :; }", "export -f told"]
    for command in CALLED:
        for wrapper in ("", "yprov-run -q --no-merge --no-capture "):
            lines.append(f'echo "$({wrapper}{command.format(**words)} 2>/dev/null) $?"')
    path = f"{tmp_path}/bin:{BIN}:{os.environ['PATH']}"
    said = cluster.batch("\n".join(lines), tmp_path, ("-n1",), {"PATH": path}).output.splitlines()
    bare, wrapped = said[::2], said[1::2]
    # What srun finds in the folder alone, a shell must be told to find there.
    assert [re.sub("^[.]/beside", "beside", line) for line in wrapped] == bare
    for line, name in zip(bare, CALLED.values(), strict=True):
        assert line.startswith(f"{name.format(**words)} function 0" if name else " "), said


def test_a_multi_prog_step_runs_each_ranks_program_and_keeps_the_file_as_an_input(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    (tmp_path / "multi.conf").write_text("# two programs\n0 show zero %t\n1-3 show rest %o 'q r'\n")
    bare, wrapped, document = _both(cluster, tmp_path, "srun -n4 --multi-prog multi.conf")
    assert len(bare) == 4
    assert wrapped == bare
    assert documents.job(document)["run:taskCount"] == 4
    files = documents.of_type(document, "entity", "run:File")
    inputs = [file for file in files.values() if file["prov:role"] == "input"]
    assert [file["prov:location"] for file in inputs] == ["multi.conf"]
    assert not list(tmp_path.rglob("programs.conf"))  # its words may hold credentials


@pytest.mark.parametrize(
    "command", ["mpirun.openmpi --app programs", "mpiexec.hydra -configfile programs"]
)
def test_a_file_of_programs_is_run_and_recorded(
    command: str, cluster: SlurmCluster, tmp_path: Path
) -> None:
    (tmp_path / "programs").write_text("-n 2 show a b\n-n 3 show c\n")
    bare, wrapped, document = _both(cluster, tmp_path, command)
    assert len(bare) == 5
    assert wrapped == bare
    assert documents.job(document)["run:taskCount"] == 5


def test_a_heterogeneous_step_is_one_step_of_all_its_parts(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    env = {**environment(), **cluster.environ, "STATUS": "0"}
    env["PATH"] = environment()["PATH"]
    show = tmp_path / "show"
    show.write_text(f"#!/bin/sh\n{SHOW}\n")
    show.chmod(0o755)
    command = ["srun", "-Q", "-n1", str(show), "a", ":", "-n2", str(show), "b"]
    bare = run(*command, cwd=tmp_path, env=env)
    wrapped = run("yprov-run", "-q", *command, cwd=tmp_path, env=env)
    assert sorted(wrapped.stdout.splitlines()) == sorted(bare.stdout.splitlines())
    assert len(bare.stdout.splitlines()) == 3
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert documents.job(document)["run:taskCount"] == 3


def test_a_task_that_fails_on_one_rank_gives_the_launchers_own_status(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    command = "srun -n4 sh -c 'test $SLURM_PROCID != 2 || exit 9'"
    bare, wrapped, document = _both(cluster, tmp_path, command)
    assert wrapped == bare
    job = documents.job(document)
    assert (job["run:state"], job["run:exitStatus"]) == ("failed", 9.0)
    endings = json.loads(job["run:taskEndings"])
    assert endings.get("9", 0) + endings.get("unknown", 0) + endings.get("not seen to end", 0) >= 1


@pytest.mark.parametrize(
    ("compiler", "launcher"),
    [("mpicc.openmpi", f"mpirun.openmpi {TCP} -np 8"), ("mpicc.mpich", "mpiexec.hydra -n 8")],
    ids=["Open MPI", "MPICH"],
)
def test_an_mpi_program_that_really_talks_is_undisturbed(
    compiler: str, launcher: str, cluster: SlurmCluster, tmp_path: Path
) -> None:
    need([name for name in (compiler, launcher.split()[0]) if not shutil.which(name)], compiler)
    source = Path(__file__).parent / "programs/mpi_ring.c"
    subprocess.run([compiler, "-o", str(tmp_path / "ring"), str(source)], check=True)
    bare, wrapped, document = _both(cluster, tmp_path, f"{launcher} ring")
    assert wrapped == bare == ["ring of 8: 28"]
    assert documents.job(document)["run:taskCount"] == 8


@pytest.mark.parametrize(
    ("launcher", "library"),
    [(f"mpirun.openmpi {TCP} -np 4", "openmpi"), ("mpiexec.hydra -n 4", "mpich")],
    ids=["Open MPI", "MPICH"],
)
def test_an_mpi4py_program_that_really_talks_is_undisturbed(
    launcher: str, library: str, cluster: SlurmCluster, tmp_path: Path
) -> None:
    # mpi4py knows MPICH's library by the name that its makers give it, not by Debian's.
    mpich = ctypes.util.find_library("mpich")
    need([] if mpich else ["libmpich"], "this test")
    (tmp_path / "libmpi.so.12").symlink_to(
        f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/{mpich}"
    )
    program = Path(__file__).parent / "programs/mpi_sum.py"
    command = (
        f"env LD_LIBRARY_PATH={tmp_path} MPI4PY_MPIABI={library} {launcher} "
        f"{sys.executable} {program}"
    )
    bare, wrapped, document = _both(cluster, tmp_path, command)
    assert wrapped == bare == ["sum of 4: 6"]
    assert documents.job(document)["run:taskCount"] == 4


def test_mpirun_on_this_machine_without_a_scheduler(cluster: SlurmCluster, tmp_path: Path) -> None:
    env = environment(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    for launcher in (["mpirun.openmpi", "--oversubscribe", "-np"], ["mpiexec.hydra", "-n"]):
        done = run("yprov-run", "--name", "x", *launcher, "3", "echo", "hi", cwd=tmp_path, env=env)
        assert done.stdout == b"hi\n" * 3
    for job in (tmp_path / "yprov").iterdir():
        document = documents.load(job / "prov.json")
        assert documents.job(document)["run:taskCount"] == 3
        assert len(documents.of_type(document, "activity", "run:NodeExecution")) == 1

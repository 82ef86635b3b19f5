"""On a real four-node Slurm, under both ways in which it tracks processes."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.support import documents, slurmfacts
from tests.support.commands import BIN, REPOSITORY, environment, only_job, run
from tests.support.processes import agents_below
from tests.support.slurm import NODES, Finished, SlurmCluster, wait_until
from tests.support.wave import true_energy_j
from yprov_run.launchers.srun import OPTIONS

pytestmark = pytest.mark.cluster

TEMPLATES = REPOSITORY / "slurm_templates"
FOUR_SMALL_NODES = [
    "--ntasks-per-node=2", "--cpus-per-task=1", "--gpus-per-node=2", "--output=slurm-%j.out",
]  # fmt: skip


@pytest.fixture
def gpus(fake_nvml: Path) -> dict[str, str]:
    """Return what makes the nodes' GPUs visible, and our commands found."""
    return {
        "LD_LIBRARY_PATH": str(fake_nvml),
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }


def _ours_in(folder: Path) -> Iterator[int]:
    """Yield the process ids of the `yprov-run` that were started in a folder."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                started_here = (entry / "cwd").readlink() == folder
            except OSError:
                continue
            if started_here and any(word.endswith(b"/yprov-run") for word in words[:2]):
                yield int(entry.name)


def _no_agent_left(folder: Path) -> None:
    wait_until(lambda: not agents_below(folder), "the end of all agents", 5)


def _check_four_nodes(folder: Path, finished: Finished) -> documents.Document:
    """Check what every whole run on four nodes must show, and return its document."""
    document = documents.load(only_job(folder) / "prov.json")
    job = documents.job(document)
    nodes = documents.of_type(document, "activity", "run:NodeExecution")
    assert sorted(node["prov:label"] for node in nodes.values()) == list(NODES), finished.output
    gpus = documents.of_type(document, "entity", "run:GPU")
    assert len({gpu["run:uuid"] for gpu in gpus.values()}) == 8
    assert job["schema:identifier"] == finished.job_id
    assert job["run:gpuCount"] == 8
    assert abs(job["run:energy"] - true_energy_j(document)) <= job["run:energyBound"]
    assert job["run:energyBound"] < 0.5 * job["run:energy"]  # more, the later agents start
    assert only_job(folder).name.endswith(f"_{finished.job_id}")
    _no_agent_left(folder)
    return document


def _unexpected_gaps(document: documents.Document) -> list[str]:
    """Return the gaps but the one that Slurm makes when it kills a step's last processes."""
    return [
        gap for gap in documents.gaps(document) if "agents were killed with the step" not in gap
    ]


def test_the_complete_template_gives_one_document_of_all_nodes(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    (tmp_path / "train.py").write_text("import time; time.sleep(12); print('trained')\n")
    finished = cluster.batch(
        (TEMPLATES / "ranks.sh").read_text(), tmp_path, ["--time=5", *FOUR_SMALL_NODES], gpus
    )
    assert finished.state == "COMPLETED", finished.output
    assert finished.output.count("trained") == 8
    document = _check_four_nodes(tmp_path, finished)
    job = documents.job(document)
    assert (job["run:state"], job["run:taskCount"]) == ("completed", 8)
    assert json.loads(job["run:tags"]) == {"template": "ranks"}
    assert json.loads(job["run:schedulerVariables"])["SLURM_JOB_NAME"] == "train"
    assert _unexpected_gaps(document) == []
    assert "GPU energy" in finished.output


def test_mpirun_inside_an_allocation_gives_the_same(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    script = "#!/bin/bash\n#SBATCH -N4 --ntasks-per-node=2 --gres=gpu:2\n"
    script += "yprov-run mpirun.openmpi -x LD_LIBRARY_PATH -np 8 sh -c 'sleep 12; echo done'\n"
    finished = cluster.batch(script, tmp_path, environ=gpus)
    assert finished.output.count("done") == 8, finished.output
    document = _check_four_nodes(tmp_path, finished)
    job = documents.job(document)
    assert (job["run:state"], job["run:taskCount"]) == ("completed", 8)
    assert _unexpected_gaps(document) == []


@pytest.mark.examples
@pytest.mark.parametrize("launcher", ["srun", "mpirun.openmpi -np 8 -x LD_LIBRARY_PATH"])
def test_the_ddp_example_with_eight_ranks(
    launcher: str, cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    script = (
        "#!/bin/bash\n#SBATCH -N4 --ntasks-per-node=2 --gres=gpu:2\n"
        f"yprov-run --output out {launcher} {sys.executable} {REPOSITORY}/examples/train_ddp.py "
        "--seconds 5\n"
    )
    finished = cluster.batch(script, tmp_path, environ=gpus, timeout_s=240)
    assert re.search(r"steps \d+ loss \S+ ranks 8", finished.output), finished.output
    document = _check_four_nodes(tmp_path, finished)
    assert documents.job(document)["run:taskCount"] == 8
    files = documents.of_type(document, "entity", "run:File").values()
    roles = {entity["prov:location"]: entity["prov:role"] for entity in files}
    assert roles["out/model.pt"] == "checkpoint"
    assert roles[f"{REPOSITORY}/examples/train_ddp.py"] == "program"
    assert [role for path, role in roles.items() if path.endswith(".out")] == ["log"]


ENDINGS = {
    "true": "true",
    "3": "exit 3",
    "segv": "kill -SEGV $$",
    "term": "kill -TERM $$",
    "kill": "kill -KILL $$",
}


def test_exit_statuses_and_output_under_srun_are_those_without_us(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    env = {**environment(), **cluster.environ}
    env["PATH"] = environment()["PATH"]
    programs = [["sh", "-c", script] for script in ENDINGS.values()]
    programs += [["/nowhere/at/all"], ["/etc/passwd"], ["sh", "-c", "echo $SLURM_PROCID; cat"]]
    for program in programs:
        command = ["srun", "-N1", "-n1", "-Q", *program]
        bare = run(*command, cwd=tmp_path, env=env, stdin=b"in")
        wrapped = run("yprov-run", "-q", *command, cwd=tmp_path, env=env, stdin=b"in")
        assert (wrapped.returncode, wrapped.stdout) == (bare.returncode, bare.stdout), program
        assert _what_srun_says(wrapped.stderr) == _what_srun_says(bare.stderr)


def _what_srun_says(stderr: bytes) -> set[str]:
    """Return how srun names the ends of tasks; the nodes it chose may differ."""
    return set(re.findall(r"Segmentation fault|Terminated|Killed|Exited with exit code \d+",
                          stderr.decode()))  # fmt: skip


def test_every_option_of_the_installed_srun_is_known(cluster: SlurmCluster) -> None:
    words = re.findall(r"(?<![\w-])(--?[A-Za-z][\w-]*)([=\[]?)", cluster.run("srun", "--help"))
    options = {word for word, _ in words if word not in {"-style"}}
    assert len(options) > 100
    unknown = sorted(word for word in options if OPTIONS.find(word) is None)
    assert unknown == []
    optional = {"--bcast"}  # its manual page has it right, its help has not
    takes_value = {w for w, sign in words if sign == "=" and w.startswith("--")} - optional
    assert sorted(word for word in takes_value if OPTIONS.find(word) != 1) == []


SLEEPER = "#!/bin/bash\n#SBATCH -N4 -n8 --gres=gpu:2\n{}yprov-run srun sleep 300\n"


def _started(folder: Path) -> None:
    """Wait until all four nodes have written samples."""

    def sampled() -> bool:
        files = list(folder.glob("yprov/*/record/steps/0/nodes/*.samples.csv"))
        return len(files) == 4 and all(file.read_bytes().count(b"\n") > 3 for file in files)

    wait_until(sampled, "samples from four nodes", 60)


def test_a_cancelled_job_says_how_it_ended(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    job_id = cluster.submit(SLEEPER.format("exec "), tmp_path, environ=gpus)
    _started(tmp_path)
    cluster.run("scancel", job_id)
    finished = cluster.wait(job_id, tmp_path)
    assert finished.state.startswith("CANCELLED")
    _check_ended_by_a_signal(tmp_path)
    slurmfacts.hold(slurmfacts.merged(cluster, only_job(tmp_path)), cluster, job_id)


def test_a_job_cancelled_with_its_batch_script_unprepared_can_be_merged(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    job_id = cluster.submit(SLEEPER.format(""), tmp_path, environ=gpus)
    _started(tmp_path)
    cluster.run("scancel", "--full", "--signal=KILL", job_id)
    cluster.run("scancel", job_id)
    cluster.wait(job_id, tmp_path)
    job = _merge(tmp_path)
    assert job["run:state"] in {"unknown", "killed"}, job


def test_a_job_at_its_time_limit_says_how_it_ended(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    (tmp_path / "train.py").write_text("import time; print('start', flush=True); time.sleep(300)\n")
    template = (TEMPLATES / "ranks.sh").read_text()
    job_id = cluster.submit(template, tmp_path, ["--time=1", *FOUR_SMALL_NODES], gpus)
    _started(tmp_path)
    finished = cluster.wait(job_id, tmp_path, timeout_s=150)
    assert finished.state == "TIMEOUT"
    _check_ended_by_a_signal(tmp_path)


def _check_ended_by_a_signal(folder: Path) -> None:
    _no_agent_left(folder)
    job = _merge(folder)
    ended_by_signal = job.get("run:signal") in {"SIGTERM", "SIGKILL"}
    ended_by_srun = job.get("run:exitStatus") in {143.0, 137.0}
    endings = json.loads(job["run:taskEndings"])
    assert ended_by_signal or ended_by_srun or job["run:state"] == "unknown", job
    if job["run:state"] != "unknown":
        assert set(endings) & {"SIGTERM", "SIGKILL", "not seen to end"}, endings
    assert job["run:nodeCount"] == 4
    assert job["run:gpuCount"] == 8


def _merge(folder: Path) -> documents.Document:
    """Merge a job's directory as a user would later, and return the job's attributes."""
    # The job's own merge may still be asking accounting.
    wait_until(lambda: not list(_ours_in(folder)), "the end of yprov-run", 30)
    done = run("yprov-merge", str(only_job(folder)), cwd=folder)
    assert done.returncode == 0, done.stderr
    first = (only_job(folder) / "prov.json").read_bytes()
    run("yprov-merge", str(only_job(folder)), cwd=folder)
    assert (only_job(folder) / "prov.json").read_bytes() == first
    return documents.job(documents.load(only_job(folder) / "prov.json"))


def test_a_job_whose_processes_are_all_killed_at_once_leaves_a_record_that_merges(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    job_id = cluster.submit(SLEEPER.format(""), tmp_path, environ=gpus)
    _started(tmp_path)
    signal.sigtimedwait([], random.Random(job_id).uniform(0.0, 2.5))
    killed_ms = _kill_everything_of(tmp_path)
    cluster.run("scancel", job_id)
    cluster.wait(job_id, tmp_path)
    job = _merge(tmp_path)
    assert job["run:state"] in {"unknown", "killed"}
    document = documents.load(only_job(tmp_path) / "prov.json")
    for node in documents.of_type(document, "activity", "run:NodeExecution").values():
        last_ms = datetime.fromisoformat(node["prov:endTime"]).timestamp() * 1000
        assert killed_ms - last_ms < 5000


def _kill_everything_of(folder: Path) -> float:
    """Kill -9 the wrapper, its launcher, the tasks and the agents; return the time in UTC ms."""
    marked = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                cwd, words = (entry / "cwd").resolve(), (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if cwd == folder or bytes(folder) in words:
                marked.append(int(entry.name))
    for pid in marked:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    assert len(marked) >= 4 + 8
    return time.time() * 1000


def test_a_node_without_the_gpu_library_is_named_and_the_job_runs(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    # The fault strikes one node before the task shim does, as a broken installation would.
    fault = _program(
        tmp_path / "fault.sh", '[ "$SLURM_NODEID" != 2 ] || unset LD_LIBRARY_PATH; exec "$@"'
    )
    after_options = f'name=$1; shift; exec /usr/bin/srun "$name" {fault} "$@"'
    srun = _program(tmp_path / "bin" / "srun", after_options)
    environ = {**gpus, "PATH": f"{srun.parent}:{gpus['PATH']}"}
    script = (
        "#!/bin/bash\n#SBATCH -N4 -n4 --gres=gpu:2\nyprov-run -q srun sleep 3\necho status $?\n"
    )
    finished = cluster.batch(script, tmp_path, environ=environ)
    assert "status 0" in finished.output, finished.output
    found = _unexpected_gaps(documents.load(only_job(tmp_path) / "prov.json"))
    assert any("node3" in gap and "0 of 2 GPUs sampled" in gap for gap in found)
    assert all("node3" in gap for gap in found)


def _program(path: Path, line: str) -> Path:
    """Write an executable shell script of one line."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


def test_a_killed_agent_is_named_and_the_job_runs(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    script = (
        "#!/bin/bash\n#SBATCH -N4 -n4 --gres=gpu:2\nyprov-run -q srun sleep 8\necho status $?\n"
    )
    job_id = cluster.submit(script, tmp_path, environ=gpus)
    _started(tmp_path)
    victim = min(agents_below(tmp_path))
    os.kill(victim, signal.SIGKILL)
    finished = cluster.wait(job_id, tmp_path)
    assert "status 0" in finished.output
    document = documents.load(only_job(tmp_path) / "prov.json")
    named = [gap for gap in documents.gaps(document) if "did not see the end" in gap]
    assert len(named) == 1
    assert documents.job(document)["run:gpuCount"] == 8


def test_an_unwritable_record_on_the_nodes_is_named_and_the_job_runs(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    # As root nothing is unwritable by its mode: the folder is taken away between launch and start.
    take_away = 'rm -r "$YPROV_JOB_DIR/record/steps/0/nodes"; exec /usr/bin/srun "$@"'
    srun = _program(tmp_path / "bin" / "srun", take_away)
    environ = {**gpus, "PATH": f"{srun.parent}:{gpus['PATH']}"}
    script = "#!/bin/bash\n#SBATCH -N4 -n4\nyprov-run srun echo out\necho status $?\n"
    finished = cluster.batch(script, tmp_path, environ=environ)
    assert finished.output.count("out\n") == 4
    assert "status 0" in finished.output
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert [gap for gap in documents.gaps(document) if "no node is recorded" in gap]


def test_a_node_that_dies_in_the_middle_is_named(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    """Its tasks and its agent are killed at once, as when the machine is gone."""
    script = "#!/bin/bash\n#SBATCH -N4 -n4\nyprov-run -q srun sleep 300\necho status $?\n"
    job_id = cluster.submit(script, tmp_path, environ=gpus)
    _started(tmp_path)
    samples = next(tmp_path.glob("yprov/*/record/steps/0/nodes/node3-*.samples.csv"))
    base = str(samples).removesuffix(".samples.csv")
    for pid in agents_below(tmp_path):
        if base.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    tasks = Path(base + ".tasks").read_text().splitlines()
    os.kill(int(tasks[0].split()[3]), signal.SIGKILL)
    cluster.run("scancel", job_id)
    cluster.wait(job_id, tmp_path)
    _merge(tmp_path)
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert [gap for gap in documents.gaps(document) if "node3" in gap or "killed with" in gap]
    assert documents.job(document)["run:nodeCount"] == 4
    slurmfacts.hold(slurmfacts.merged(cluster, only_job(tmp_path)), cluster, job_id)


def test_a_controller_that_is_down_does_not_matter_to_the_merge(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    """Neither the launch of a local program nor the merge asks Slurm for anything."""
    env = environment(SLURM_CONF="/nowhere", SLURM_JOB_ID="4711", SLURM_JOB_NAME="x")
    done = run("yprov-run", "-q", "true", cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert only_job(tmp_path).name == "x_4711"
    assert run("yprov-merge", "4711", cwd=tmp_path, env=env).returncode == 0


def test_several_steps_at_once_are_one_job(
    cluster: SlurmCluster, tmp_path: Path, gpus: dict[str, str]
) -> None:
    script = (
        "#!/bin/bash\n#SBATCH -N2 -n4 --gres=gpu:2\n"
        "yprov-run -q srun -N1 -n1 --exact sleep 4 &\n"
        "yprov-run -q srun -N1 -n1 --exact sleep 4 &\n"
        "wait\nyprov-run -q srun -n4 sh -c 'exit 5'\necho status $?\n"
    )
    finished = cluster.batch(script, tmp_path, environ=gpus)
    assert "status 5" in finished.output
    document = documents.load(only_job(tmp_path) / "prov.json")
    steps = documents.of_type(document, "activity", "run:Step")
    assert sorted(step["run:exitStatus"]["$"] for step in steps.values()) == ["0", "0", "5"]
    assert documents.job(document)["run:state"] == "failed"


def test_a_warning_and_the_bare_command_where_the_launcher_is_not_understood(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    env = {**environment(), **cluster.environ}
    env["PATH"] = environment()["PATH"]
    configuration = tmp_path / "multi.conf"
    configuration.write_text("0 echo zero\n1 echo one\n")
    # Slurm splits the file at blanks and minds no quotes: this folder's name can't stand in it.
    done = subprocess.run(
        ["yprov-run", "-q", "--dir", "a folder/yprov", "srun", "-n2", "--multi-prog", "multi.conf"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert sorted(done.stdout.split()) == ["one", "zero"]
    assert done.stderr.count("yprov-run:") == 1
    document = documents.load(only_job(tmp_path / "a folder") / "prov.json")
    assert [gap for gap in documents.gaps(document) if "multi.conf" in gap]

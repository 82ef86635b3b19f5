"""Whatever goes wrong in recording: the job runs, its status stands, its stdout is untouched, there
is at most one warning for a cause, and the document names the gap."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support import documents
from tests.support.commands import BIN, REPOSITORY, environment, only_job, run
from tests.support.processes import agents_below
from tests.support.slurm import wait_until

JOB = ["sh", "-c", "echo out; sleep 1.5; echo more; exit 3"]


def _check(done: subprocess.CompletedProcess[bytes]) -> None:
    assert (done.returncode, done.stdout) == (3, b"out\nmore\n"), done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith(b"yprov-run:")]
    assert len(warnings) == len(set(warnings)) <= 1
    assert b"Traceback" not in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a file system of its own with room for about 60 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("needs root, to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_full_at_the_start(small_disk: Path, tmp_path: Path) -> None:
    _fill(small_disk)
    done = run("yprov-run", "--dir", str(small_disk), *JOB, cwd=tmp_path)
    _check(done)
    assert f"nothing will be recorded: {small_disk}" in done.stderr.decode()


def test_an_installation_that_is_removed_while_the_job_runs(tmp_path: Path) -> None:
    copy = tmp_path / "site"
    shutil.copytree(REPOSITORY / "yprov_run", copy / "yprov_run")
    remove = f"echo out; rm -r {copy}; sleep 0.2; echo more; exit 3"
    done = run(sys.executable, "-m", "yprov_run", "sh", "-c", remove, cwd=tmp_path,
               env=environment(PYTHONPATH=str(copy)))  # fmt: skip
    _check(done)
    assert b"ModuleNotFoundError" in done.stderr and b"try yprov-merge" in done.stderr
    merged = run("yprov-merge", "1", cwd=tmp_path)
    assert merged.returncode == 0, merged.stderr
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert documents.job(document)["run:state"] == "failed"
    assert documents.gaps(document)


def test_a_disk_that_becomes_full(small_disk: Path, tmp_path: Path, fake_nvml: Path) -> None:
    env = environment(LD_LIBRARY_PATH=str(fake_nvml), FAKE_NVML_GPUS="8")
    fill = f"echo out; cat /dev/zero >{small_disk}/fill 2>/dev/null; sleep 1.5; echo more; exit 3"
    done = run("yprov-run", "--interval", "0.05", "--dir", str(small_disk), "sh", "-c", fill,
               cwd=tmp_path, env=env)  # fmt: skip
    _check(done)
    (small_disk / "fill").unlink()
    merged = run("yprov-merge", "--dir", str(small_disk), "1", cwd=tmp_path)
    assert merged.returncode == 0, merged.stderr
    document = documents.load(small_disk / "sh_1" / "prov.json")
    assert documents.gaps(document)


def _fill(folder: Path) -> None:
    with pytest.raises(OSError, match="No space"), (folder / "fill").open("wb", 0) as stream:
        while True:
            stream.write(bytes(4096))


def test_a_directory_that_is_deleted_while_the_job_runs(tmp_path: Path) -> None:
    script = 'echo out; rm -r "$YPROV_JOB_DIR"; sleep 1.5; echo more; exit 3'
    _check(run("yprov-run", "sh", "-c", script, cwd=tmp_path))


def test_a_directory_that_a_file_takes_the_place_of(tmp_path: Path) -> None:
    script = 'cd "$YPROV_JOB_DIR/record"; echo out; rm -r steps; : >steps; echo more; exit 3'
    done = run("yprov-run", "sh", "-c", script, cwd=tmp_path)
    _check(done)
    assert b"the end is not recorded" in done.stderr


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    script = f"mkdir {gone}; cd {gone}; rmdir {gone}; exec yprov-run sh -c '{JOB[2]}'"
    _check(run("sh", "-c", script, cwd=tmp_path))


def test_an_enclosing_job_that_cannot_be_looked_at(tmp_path: Path) -> None:
    env = environment(YPROV_JOB_DIR="/proc/1/root/x" + "y" * 300)
    _check(run("yprov-run", *JOB, cwd=tmp_path, env=env))


def test_an_agent_whose_python_is_missing(tmp_path: Path) -> None:
    # The shim of a step, on a node that lacks the installation.
    env = environment()
    assert run("yprov-run", "--no-merge", "true", cwd=tmp_path).returncode == 0
    shim = only_job(tmp_path) / "record/steps/0/task.sh"
    shim.write_text(shim.read_text().replace(sys.executable, "/nowhere/python"))
    for left in shim.parent.glob("nodes/*"):
        left.unlink()
    done = subprocess.run(
        ["sh", "-c", '. "$0"; exec "$@"', str(shim), *JOB],
        cwd=tmp_path, env=env, capture_output=True, check=False,
    )  # fmt: skip
    _check(done)
    assert run("yprov-merge", "1", cwd=tmp_path).returncode == 0
    gaps = documents.gaps(documents.load(only_job(tmp_path) / "prov.json"))
    assert [gap for gap in gaps if "no Python at /nowhere/python" in gap]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP])
def test_an_agent_that_is_terminated_killed_or_stopped(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        ["yprov-run", "sh", "-c", "echo out; read go; echo more; exit 3"],
        cwd=tmp_path, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_until(lambda: len(agents_below(tmp_path)) == 1, "the agent", 20)
    wait_until(lambda: bool(list(tmp_path.rglob("*.samples.csv"))), "samples", 20)
    (agent,) = agents_below(tmp_path)
    os.kill(agent, number)
    out, err = process.communicate(b"\n", timeout=30)
    _check(subprocess.CompletedProcess([], process.returncode, out, err))
    wait_until(lambda: not agents_below(tmp_path), "the end of the agent", 5)
    gaps = documents.gaps(documents.load(only_job(tmp_path) / "prov.json"))
    if number != signal.SIGTERM:  # which it ignores, as the job may get it too
        assert gaps
    else:
        assert gaps == []


def test_the_agent_holds_nothing_of_the_tasks(tmp_path: Path) -> None:
    process = subprocess.Popen(
        ["yprov-run", "-q", "sh", "-c", "echo out; read go"],
        cwd=tmp_path, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    wait_until(lambda: bool(list(tmp_path.rglob("*.samples.csv"))), "samples", 20)
    (agent,) = agents_below(tmp_path)
    assert process.stdout and process.stdin
    pipes = [Path(f"/proc/self/fd/{s.fileno()}") for s in (process.stdout, process.stdin)]
    ours = {pipe.readlink() for pipe in pipes}
    held = {entry.readlink() for entry in Path(f"/proc/{agent}/fd").iterdir()}
    assert not ours & held
    assert Path(f"/proc/{agent}/cwd").readlink() == Path("/")
    assert os.getsid(agent) != os.getsid(process.pid)
    process.communicate(b"\n", timeout=30)


@pytest.mark.parametrize(
    "change",
    [{"HOME": None}, {"TMPDIR": "/proc"}, {"PATH": None}, {"LANG": "xx", "LC_ALL": "xx"},
     {"PYTHONHOME": "/nowhere"}, {"PYTHONPATH": "/nowhere"}, {"PYTHONPATH": "shadows"},
     {"PYTHONPATH": ":/nowhere"}, {"PYTHONPATH": "/nowhere:"},
     {"PYTHONWARNINGS": "error"}, {"PYTHONINSPECT": "1"}, {"LD_PRELOAD": "/nowhere.so"}],
    ids=str,
)  # fmt: skip
def test_a_strange_environment(change: dict[str, str | None], tmp_path: Path) -> None:
    (tmp_path / "shadows").mkdir()
    for name in ("enum", "re", "contextlib", "collections", "json", "signal", "resource", "yaml"):
        for folder in (tmp_path, tmp_path / "shadows"):
            (folder / f"{name}.py").write_text("print 'another Python's'\n")
    (tmp_path / "yprov.yaml").write_text("interval: 0.5\n")
    env = environment()
    for name, value in change.items():
        env.pop(name, None)
        if value is not None:
            env[name] = value
    wrapper = [f"{BIN}/yprov-run", "-q"]
    if "PYTHONHOME" in change:
        # No Python starts with it: it is the job's own variable that must not disturb the agent.
        wrapper = ["env", "-u", "PYTHONHOME", *wrapper, "env", "PYTHONHOME=/nowhere"]
    _check_stdout(run(*wrapper, "/bin/sh", "-c", JOB[2], cwd=tmp_path, env=env))


@pytest.mark.parametrize(
    "options", [[], ["-q", "--no-merge"], ["--tag", "a=b", "--name=x", "--"], ["-i", "x", "-q"]]
)
def test_an_installation_that_cannot_be_loaded(options: list[str], tmp_path: Path) -> None:
    without_packages = [sys.executable, "-I", "-S", f"{BIN}/yprov-run"]
    done = run(*without_packages, *options, *JOB, cwd=tmp_path)
    _check(done)
    assert b"No module named 'yprov_run'" in done.stderr


@pytest.mark.parametrize("most", range(1, 8))
def test_a_limit_of_processes_that_is_reached_at_any_point(most: int, tmp_path: Path) -> None:
    """Nobody but the superuser has the limit: so a user who may read what is ours."""
    need([name for name in ("setpriv", "prlimit") if not shutil.which(name)], "this test")
    tmp_path.chmod(0o777)
    may = "+dac_override,+dac_read_search"
    user = [
        "setpriv",
        "--reuid=54321",
        "--clear-groups",
        f"--inh-caps={may}",
        f"--ambient-caps={may}",
    ]
    limited = [*user, "prlimit", f"--nproc={most}", "yprov-run", "-q"]
    done = run(*limited, "sh", "-c", "echo out; exit 3", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, b"out\n"), done.stderr


@pytest.mark.parametrize(
    "wrapper",
    [["yprov-run"], ["yprov-run", "--dir", "/dev/null/x"],
     [sys.executable, "-I", "-S", f"{BIN}/yprov-run"]],
    ids=["the summary", "a warning", "before it is loaded"],
)  # fmt: skip
def test_an_stderr_that_nobody_reads_any_more(wrapper: list[str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as unread:
        done = subprocess.run([*wrapper, *JOB], cwd=tmp_path, env=environment(),
                              stdout=subprocess.PIPE, stderr=unread, check=False)  # fmt: skip
    _check_stdout(done)
    assert wrapper != ["yprov-run"] or (only_job(tmp_path) / "prov.json").exists()


@pytest.mark.parametrize("most", [8, 10, 14])
def test_a_limit_of_descriptors(most: int, tmp_path: Path) -> None:
    script = f'ulimit -n {most}; exec yprov-run -q sh -c "echo out; exit 3"'
    done = run("sh", "-c", script, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, b"out\n"), done.stderr
    assert done.stderr.count(b"\n") <= 1


def _check_stdout(done: subprocess.CompletedProcess[bytes]) -> None:
    assert (done.returncode, done.stdout) == (3, b"out\nmore\n"), done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_stay_closed_for_the_program(closed: str, tmp_path: Path) -> None:
    program = f"ls /proc/self/fd >{tmp_path}/NAME; exit 3"
    for name, wrapper in (("bare", ""), ("wrapped", "yprov-run -q ")):
        script = f"{wrapper}sh -c '{program.replace('NAME', name)}' {closed}"
        assert run("sh", "-c", script, cwd=tmp_path).returncode == 3
    assert (tmp_path / "wrapped").read_text() == (tmp_path / "bare").read_text()


def test_limits_priority_affinity_and_mask_are_inherited(tmp_path: Path) -> None:
    show = (
        "umask; nice; cat /proc/self/oom_score_adj; grep Cpus_allowed_list /proc/self/status; "
        "cat /proc/self/limits"
    )
    setting = "umask 027; ulimit -n 333; ulimit -c 0; exec nice -n 3 taskset -c 0"
    bare = run("sh", "-c", f'{setting} sh -c "$0"', show, cwd=tmp_path)
    wrapped = run("sh", "-c", f'{setting} yprov-run -q sh -c "$0"', show, cwd=tmp_path)
    assert bare.returncode == 0
    assert wrapped.stdout == bare.stdout


def test_a_file_size_limit_kills_no_task(tmp_path: Path) -> None:
    done = run("sh", "-c", "ulimit -f 0; exec yprov-run sh -c 'echo out; exit 3'", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, b"out\n")


def test_a_megabyte_of_arguments_arrives(tmp_path: Path) -> None:
    words = ["x" * 100_000] * 10
    done = run("yprov-run", "-q", "sh", "-c", 'echo "$#" "$*" | wc -c', "sh", *words, cwd=tmp_path)
    assert done.stdout.split() == [b"1000013"]


def test_a_daemon_that_the_program_leaves_behind_lives_and_does_not_hold_us_up(
    tmp_path: Path,
) -> None:
    script = "setsid sleep 30 >/dev/null 2>&1 </dev/null & echo $!"
    done = run("yprov-run", "-q", "sh", "-c", script, cwd=tmp_path)
    daemon = int(done.stdout)
    os.kill(daemon, signal.SIGKILL)  # it was there


def test_a_clock_that_is_set_back_does_not_disturb_the_figures(tmp_path: Path) -> None:
    """Samples are timed by the monotonic clock; UTC is taken once."""
    run("yprov-run", "--interval", "0.1", "sleep", "1", cwd=tmp_path)
    samples = next(tmp_path.rglob("*.samples.csv")).read_text().splitlines()[1:]
    times = [int(line.split(",")[0]) for line in samples]
    assert times == sorted(times)
    assert times[-1] < 2000


def test_arguments_that_leave_no_room_for_ours_reach_the_program_all_the_same(
    tmp_path: Path,
) -> None:
    """The longest command line with which yprov-run itself can be started."""

    def command(size: int) -> list[str]:
        words = ["x" * 100_000] * (size // 100_000)
        return ["yprov-run", "-q", "true", *words, "x" * (size % 100_000)]

    def starts(size: int) -> bool:
        try:
            subprocess.run([*command(size)[:1], "--version", *command(size)[2:]], env=environment(),
                           check=True, capture_output=True, timeout=60)  # fmt: skip
        except OSError as error:
            assert error.errno == errno.E2BIG
            return False
        return True

    fits, too_long = 0, 1 << 26
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if starts(middle) else (fits, middle)
    done = run(*command(fits - 20), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.count(b"yprov-run: no room for our words") == 1
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert documents.job(document)["run:state"] == "completed"
    assert any("no task announced itself" in gap for gap in documents.gaps(document))


def test_two_nodes_of_one_name_are_two_nodes_of_the_record(tmp_path: Path) -> None:
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("0c0ffee0-0000-4000-8000-000000000000\n")
    (tmp_path / "launch.sh").write_text(
        '"$@" &\n'
        "unshare --mount sh -c '\n"
        f'  mount --bind {boot_id} /proc/sys/kernel/random/boot_id && exec "$@"\' sh "$@"\n'
        "mine=$?; wait $! && exit $mine\n"
    )
    command = ["sh", "launch.sh", "{yprov}", "sh", "-c", "sleep 1.5; exit 3"]
    assert run("yprov-run", "-q", *command, cwd=tmp_path).returncode == 3
    document = documents.load(only_job(tmp_path) / "prov.json")
    nodes = documents.of_type(document, "activity", "run:NodeExecution")
    assert len({node["prov:label"] for node in nodes.values()}) == 1
    assert [documents.plain(node)["run:taskCount"] for node in nodes.values()] == [1, 1]
    assert documents.gaps(document) == []

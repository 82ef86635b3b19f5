"""Batch scripts from templates: what is written, what is refused, and that nothing is overwritten.

`YPROV_GOLDEN=write pytest tests/test_init.py` writes the golden files anew; look at the difference.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import REPOSITORY, environment, run
from yprov_run.errors import YprovError
from yprov_run.templates import catalogue, fill

GOLDEN = Path(__file__).parent / "data/init"
FOLDER = REPOSITORY / "slurm_templates"
VALUES: dict[fill.Key, str] = {
    "job-name": "finetune", "partition": "boost", "account": "physics", "nodes": "8",
    "ntasks-per-node": "6", "cpus-per-task": "12", "gpus-per-node": "2", "time": "1-06:30",
}  # fmt: skip
COMMAND = ["python", "fine tune.py", "--note", "it's tuned", "--lr=3e-4"]
LINE = fill.quoted_command(COMMAND)


def _text(name: str) -> str:
    return catalogue.path(name).read_text()


def _values(name: str) -> dict[fill.Key, str]:
    return {key: VALUES[key] for key in fill.slots(_text(name))}


@pytest.mark.parametrize("name", catalogue.SCRIPTS)
def test_a_script_is_filled_in_as_it_was_looked_at(name: str) -> None:
    text = fill.fill(_text(name), _values(name), LINE if fill.command(_text(name)) else "")
    golden = GOLDEN / f"{name}.sh"
    if os.environ.get("YPROV_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_the_filled_in_script_is_what_the_command_writes(tmp_path: Path) -> None:
    options = [f"--{key}={value}" for key, value in VALUES.items()]
    done = run("yprov-run", "--init", "torchrun", *options, "--", *COMMAND, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("torchrun.sh written\n    sbatch torchrun.sh ")
    (written,) = tmp_path.iterdir()
    assert written.read_text() == (GOLDEN / "torchrun.sh").read_text()


def test_every_golden_file_is_a_templates_and_every_template_is_listed(tmp_path: Path) -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(catalogue.SCRIPTS)
    files = {catalogue.file_name(name) for name in catalogue.names()}
    assert files == {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*") if p.is_file()}
    listed = run("yprov-run", "--init", "list", cwd=tmp_path).stdout.decode()
    assert re.findall(r"^(\S+)  +\S.{10,}$", listed, re.MULTILINE) == list(catalogue.names())


def test_what_is_no_script_is_copied_as_it_is(tmp_path: Path) -> None:
    assert run("yprov-run", "--init", "config", cwd=tmp_path).returncode == 0
    (written,) = tmp_path.iterdir()
    assert written.read_bytes() == (FOLDER / "site/config.yaml").read_bytes()


def test_the_epilog_can_be_run_by_slurm_as_it_is_written(tmp_path: Path) -> None:
    env = {"SLURM_JOB_ID": "1", "SLURMD_NODENAME": "n1", "SLURM_CONF": "/nowhere"}
    assert run("yprov-run", "--init", "epilog", cwd=tmp_path).returncode == 0
    script = tmp_path / "epilog.sh"
    script.write_text(script.read_text().replace("PATH=", f"PATH={tmp_path}:"))
    (tmp_path / "scontrol").write_text("#!/bin/sh\necho $* >asked\n")
    (tmp_path / "scontrol").chmod(0o755)
    done = run(str(script), cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "asked").read_text() == "show job 1\n"


def test_the_path_of_the_include_can_be_sourced(tmp_path: Path) -> None:
    script = 'source "$(yprov-run --template include)"; yprov_step -q true && yprov_exec -q echo hi'
    done = run("bash", "-c", script, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hi\n", b"")
    assert len(list((tmp_path / "yprov").iterdir())) == 2


def test_the_include_leaves_the_folder_to_variables_and_configuration_files(
    tmp_path: Path,
) -> None:
    script = (
        'set -eu; source "$(yprov-run --template include)"\n'
        "mkdir -p below; cd below; yprov_exec -q true"
    )
    env = environment(HOME=str(tmp_path / "home"))
    env.pop("XDG_CONFIG_HOME", None)
    user = tmp_path / "home/.config/yprov/config.yaml"
    user.parent.mkdir(parents=True)
    user.write_text(f"quiet: true\ndir: {tmp_path}/users\n")
    for extra, folder in (({}, "users"), ({"YPROV_DIR": f"{tmp_path}/mine"}, "mine")):
        done = run("bash", "-c", script, cwd=tmp_path, env={**env, **extra})
        assert (done.returncode, done.stderr) == (0, b"")
        assert (tmp_path / folder / "true_1/prov.json").exists()
    user.write_text("quiet: true\n#dir: nowhere\n")
    done = run("bash", "-c", script, cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "yprov/true_1/prov.json").exists()


def test_the_include_runs_commands_bare_where_yprov_run_is_missing(tmp_path: Path) -> None:
    script = f"source {FOLDER}/yprov.inc.sh; yprov_step echo one; yprov_exec echo two"
    done = run("/bin/bash", "-c", script, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert (done.returncode, done.stdout) == (0, b"one\ntwo\n")
    assert done.stderr.count(b"not on the PATH") == 2


SAVE = """\
import os, pathlib, signal, sys
def save(number, frame):
    pathlib.Path("checkpoint").touch()
    sys.exit(0)
signal.signal(signal.SIGUSR1, save)
os.kill(int(sys.argv[1]), signal.SIGUSR1)
while True:
    signal.pause()
"""


@pytest.mark.parametrize("strictness", ["set -e", "set -euo pipefail", "set +e"])
def test_a_step_that_saves_at_a_signal_to_the_script_is_waited_for_however_strict_that_is(
    strictness: str, tmp_path: Path
) -> None:
    (tmp_path / "save.py").write_text(SAVE)
    script = (
        f"{strictness}; trap 'echo own' USR1\n"
        'source "$(yprov-run --template include)"\n'
        f"yprov_step -q {sys.executable} save.py $$; echo on; kill -USR1 $$\n"
    )
    done = run("bash", "-c", script, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"on\nown\n", b"")
    assert (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("name", [n for n in catalogue.SCRIPTS if n != "merge"])
def test_a_script_says_what_happens_without_yprov_run(name: str) -> None:
    """The lines that let a job run unrecorded are the same in all of them."""
    guard = re.search(r"^record=\((yprov-run.*)\)\n(.*)\n", _text(name), re.MULTILINE)
    assert guard is not None
    assert guard[2].startswith("command -v yprov-run >/dev/null || { record=(); echo ")
    assert '"${record[@]}" ' in _text(name)


def test_tasks_follow_gpus_where_each_task_has_one() -> None:
    ranks = fill.slots(fill.fill(_text("ranks"), {"gpus-per-node": "8"}))
    assert (ranks["ntasks-per-node"], ranks["gpus-per-node"]) == ("8", "8")
    workers = fill.slots(fill.fill(_text("torchrun"), {"gpus-per-node": "8"}))
    assert (workers["ntasks-per-node"], workers["gpus-per-node"]) == ("1", "8")
    cpus_only = fill.slots(fill.fill(_text("ranks"), {"gpus-per-node": "0"}))
    assert (cpus_only["ntasks-per-node"], cpus_only["gpus-per-node"]) == ("4", "0")


def test_both_parts_of_a_heterogeneous_job_have_the_account_and_one_has_the_gpus() -> None:
    text = fill.fill(_text("heterogeneous"), {"account": "physics", "nodes": "7"})
    assert text.count("\n#SBATCH --account=physics\n") == 2
    assert [text.count(f"\n#SBATCH --nodes={count}\n") for count in (1, 7)] == [1, 1]


@pytest.mark.parametrize(
    ("given", "slurm", "pbs", "flux"),
    [
        ("90", "01:30:00", "01:30:00", "90m"),
        ("90:30", "01:30:30", "01:30:30", "91m"),
        ("12:00:00", "12:00:00", "12:00:00", "720m"),
        ("1-12", "1-12:00:00", "36:00:00", "2160m"),
        ("2-00:30", "2-00:30:00", "48:30:00", "2910m"),
    ],
)
def test_a_time_is_written_as_the_scheduler_reads_it(
    given: str, slurm: str, pbs: str, flux: str
) -> None:
    for name, expected in (("single", slurm), ("pbs", pbs), ("flux", flux)):
        assert fill.slots(fill.fill(_text(name), {"time": given}))["time"] == expected


REFUSED_VALUES: list[tuple[fill.Key, str]] = [
    ("nodes", "0"),
    ("nodes", "4;reboot"),
    ("nodes", ""),
    ("gpus-per-node", "-1"),
    ("time", "soon"),
    ("time", "0"),
    ("time", "1:2:3:4"),
    ("partition", "gpu\n#SBATCH --uid=0"),
    ("account", "$(reboot)"),
    ("job-name", "a b"),
    ("job-name", "../../x"),
    ("job-name", ""),
]


@pytest.mark.parametrize(("key", "value"), REFUSED_VALUES)
def test_a_value_that_does_not_belong_into_a_directive_is_refused(
    key: fill.Key, value: str
) -> None:
    with pytest.raises(YprovError, match=f"^--{key} "):
        fill.fill(_text("single"), {key: value})


REFUSED = [
    (["nonsense"], "nonsense"),
    (["--nodes", "4"], "say which template"),
    (["single", "--nodes", "four"], "--nodes 'four'"),
    (["single", "--file", "../x.sh"], "--file"),
    (["single", "--no-such"], "--no-such"),
    (["single", "python", "a\nb"], "control character"),
    (["single", "srun", "python", "x.py"], "'srun'"),
    (["mpich", "/usr/bin/mpiexec", "./a"], "'/usr/bin/mpiexec'"),
    (["flux", "--gpus-per-node", "0"], "--gpus-per-node '0': give a number between 1 and 1000"),
    (["single", ""], "first word"),
    (["merge", "python"], "no command"),
    (["openmpi", "--gpus-per-node", "4"], "--gpus-per-node"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[" ".join(w) for w, _ in REFUSED])
def test_bad_input_is_one_line_and_status_two_and_nothing_is_written(
    words: list[str], said: str, tmp_path: Path
) -> None:
    done = run("yprov-run", "--init", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert said in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "single.sh"
    mine.write_text("mine\n")
    (tmp_path / "link.sh").symlink_to("nowhere.sh")
    for words in ([], ["--file", "link.sh"]):
        done = run("yprov-run", "--init", "single", *words, cwd=tmp_path)
        assert done.returncode == 2
        assert b"is there already" in done.stderr
    assert mine.read_text() == "mine\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.sh", "single.sh"]
    done = run("yprov-run", "--init", "single", "--file", "mine-2.sh", cwd=tmp_path)
    assert b"sbatch mine-2.sh [" in done.stdout
    assert "#   sbatch mine-2.sh [" in (tmp_path / "mine-2.sh").read_text()


def test_the_template_may_stand_behind_an_equals_sign(tmp_path: Path) -> None:
    done = run("yprov-run", "--init=single", "--nodes", "2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert fill.slots((tmp_path / "single.sh").read_text())["nodes"] == "2"


def test_a_copy_of_the_include_names_itself(tmp_path: Path) -> None:
    done = run("yprov-run", "--init", "include", "--file", "foo.sh", cwd=tmp_path)
    assert done.stdout.decode().startswith("foo.sh written\n    source ./foo.sh\n")
    assert "--template" not in (tmp_path / "foo.sh").read_text()


def test_a_file_that_is_there_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "single.sh").touch()
    done = _on_a_terminal(["yprov-run", "--init", "single"], [], tmp_path)
    assert "is there already" in done
    assert "name of the job" not in done


def test_tasks_that_were_seen_and_left_are_not_changed_by_a_number_of_gpus(
    tmp_path: Path,
) -> None:
    _on_a_terminal(["yprov-run", "--init", "ranks"], [*[""] * 6, "8", "", ""], tmp_path)
    slots = fill.slots((tmp_path / "ranks.sh").read_text())
    assert (slots["ntasks-per-node"], slots["gpus-per-node"]) == ("4", "8")


def test_a_time_limit_in_the_schedulers_own_form_may_be_left_as_it_is(tmp_path: Path) -> None:
    _on_a_terminal(["yprov-run", "--init", "flux"], [""] * 7, tmp_path)
    assert (tmp_path / "flux.sh").read_text() == _text("flux")


SHELL_LINES = [
    "python train.py --data $DATA/x ~/y '$DATA' \"${DATA}/a b\" a\\>b",
    "./run *.dat 'a;b' \"c|d\" \\$x $UNSET",
    "a '#b' c#d \"it's\"",
]


@pytest.mark.parametrize("line", SHELL_LINES)
def test_a_command_that_is_typed_means_in_the_script_what_it_means_to_a_shell(
    line: str, tmp_path: Path
) -> None:
    for name in ("one.dat", "two.dat"):
        (tmp_path / name).touch()
    env = environment(HOME="/home/me", DATA="/data/a b")
    script = f"show() {{ printf '<%s>' \"$@\"; }}\nprogram=({fill.shell_line(line)})\n"
    done = run("bash", "-c", script + 'show "${program[@]}"', cwd=tmp_path, env=env)
    assert done.stdout == run("bash", "-c", f"{script}show {line}", cwd=tmp_path, env=env).stdout
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("python a.py > log", "'>': give one command"),
        ("a | b", "'|'"),
        ("a & ", "'&'"),
        ("a; b", "';'"),
        ("a $(b)", "'('"),
        ('a "$(b)"', "'$('"),
        ("a `b`", "'`'"),
        ("a ${b:-c}", "'${'"),
        ('a "${b"', "'${'"),
        ("a # b", "'#'"),
        ("a $'\\'", '"$\'"'),
        ("a) b", "')'"),
        ("a 'b", "a quote is not closed"),
        ("a \\", "a quote is not closed"),
        (" ", "say which command"),
        ("srun a", "leave 'srun' out"),
    ],
)
def test_more_than_a_command_is_refused_where_one_is_typed(line: str, said: str) -> None:
    with pytest.raises(YprovError, match=re.escape(said)):
        fill.shell_line(line)


def test_init_and_template_say_where_they_go(tmp_path: Path) -> None:
    done = run("yprov-run", "-q", "--init", "single", cwd=tmp_path)
    assert (done.returncode, b"first word" in done.stderr) == (2, True)
    done = run("yprov-run", "--template", "nonsense", cwd=tmp_path)
    assert (done.returncode, b"include" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_it_asks_and_an_empty_answer_keeps_what_is_there(tmp_path: Path) -> None:
    done = _on_a_terminal(
        ["yprov-run", "--init"],
        ["", "nonsense", "single", "", "boost", "", "0", "2", "", "", "", "30", "python 'a b.py'"],
        tmp_path,
    )
    assert "single.sh written" in done, done
    assert "no template 'nonsense'" in done
    assert "--nodes '0': give a number between" in done
    assert "partition, or queue: " in done  # none is in force, and none is offered
    assert "CPUs per task [8]: " in done
    text = (tmp_path / "single.sh").read_text()
    expected = fill.fill(
        _text("single"), {"partition": "boost", "nodes": "2", "time": "30"}, "python 'a b.py'"
    )
    assert text == expected


def test_the_end_of_the_answers_is_an_end_without_a_file(tmp_path: Path) -> None:
    done = _on_a_terminal(["yprov-run", "--init", "single"], ["mine", "\x04"], tmp_path)
    assert "interrupted" in done
    assert list(tmp_path.iterdir()) == []


def _on_a_terminal(command: list[str], answers: list[str], folder: Path) -> str:
    """Run a command on a terminal of its own, with all answers typed ahead; return its screen."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
        process.wait(60)
    os.close(ours)
    return shown.decode()


_PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)


@given(st.lists(_PRINTABLE, max_size=4))
def test_a_command_is_read_back_as_it_was_given(arguments: list[str]) -> None:
    text = fill.fill(_text("single"), {}, fill.quoted_command(["my program", *arguments]))
    (line,) = re.findall(r"^program=\((.*)\)$", text, re.MULTILINE)
    assert shlex.split(line) == ["my program", *arguments]


@pytest.mark.parametrize("word", ["a'b\"c$(x)`y`\\", "\N{RIGHT-TO-LEFT OVERRIDE}x", "*", "~", "!!"])
def test_bash_reads_a_command_back_as_it_was_given(word: str, tmp_path: Path) -> None:
    line = fill.quoted_command(["echo", word, ""])
    done = run("bash", "-c", f"program=({line}); printf '%s|' \"${{program[@]}}\"", cwd=tmp_path)
    assert done.stdout.decode() == f"echo|{word}||"


@given(st.sampled_from(sorted(fill.ASKED)), _PRINTABLE)
def test_no_value_that_is_taken_can_end_its_line_or_begin_another(
    key: fill.Key, value: str
) -> None:
    try:
        text = fill.fill(_text("ranks"), {key: value})
    except YprovError:
        return
    assert len(text.splitlines()) == len(_text("ranks").splitlines())
    changed = set(text.splitlines()) - set(_text("ranks").splitlines())
    for line in changed:
        assert re.fullmatch(r"#SBATCH --[a-z-]+=[A-Za-z0-9_.,+@:/-]+", line)

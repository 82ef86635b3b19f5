"""What the commands teach: examples in their help, what was meant, and the Tab key."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
import typer

from tests.support.commands import environment, run
from tests.support.pages import our_commands
from tests.support.reading import fault
from yprov_run.cli import inspect, merge, options
from yprov_run.cli.mistakes import explained

_UsageError = cast("type[Exception]", typer.BadParameter.__base__)
_APPS = {"yprov-run": options.app, "yprov-merge": merge.app, "yprov-inspect": inspect.make_app()}


def _commands() -> list[tuple[str, Any]]:
    found = []
    for program, app in _APPS.items():
        command = cast("Any", typer.main.get_command(app))
        found.append((program, command))
        found += [(f"{program} {n}", one) for n, one in getattr(command, "commands", {}).items()]
    return found


COMMANDS = _commands()


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_the_help_of_every_command_ends_with_examples_that_can_be_read(
    name: str, command: Any
) -> None:
    text = command.get_help(typer.Context(command, info_name=name))
    _, _, below = text.partition("Examples:\n")
    examples = [line.strip() for line in below.splitlines() if "#" not in line and line.strip()]
    assert len(examples) >= 2
    for example in examples:
        assert len(example) <= 76
        (words,) = our_commands(example)
        assert fault(words) == ""
        assert name.split()[0] == words[0]


def _said(line: str) -> str:
    program, *words = line.split()
    command = cast("Any", typer.main.get_command(_APPS[program]))
    with pytest.raises(_UsageError) as caught:
        command.main(words, prog_name=program, standalone_mode=False)
    return explained(caught.value, program, command)


MISTAKES = [
    ("yprov-run --intervall 3 true", "no option --intervall; did you mean --interval?"),
    ("yprov-run --Tag a=b true", "no option --Tag; did you mean --tag?"),
    ("yprov-run -N 4 srun true", "-N; an option of the job's own command goes after that command"),
    ("yprov-run --interval often true", "--interval"),
    ("yprov-run -q", "as in: yprov-run python train.py"),
    ("yprov-merge", "'JOB_DIR|JOB_ID...', as in: yprov-merge 4711"),
    ("yprov-merge --detail gpus 1", "--detail"),
    ("yprov-merge --detail gpus 1", "did you mean gpu?"),
    ("yprov-inspect shwo 1", "no command 'shwo'; did you mean show?"),
    ("yprov-inspect 4711", "no command '4711'; for a job: yprov-inspect show 4711"),
    ("yprov-inspect frobnicate", "there are list, show, diff,"),
    ("yprov-inspect list --gpus", "no option --gpus; yprov-inspect show has it"),
    ("yprov-inspect --gpus show", "yprov-inspect show has it, after its name"),
    ("yprov-inspect show 1 --gpu", "no option --gpu; did you mean --gpus?"),
    ("yprov-inspect export 1 --format json-ld", "'--format'"),
    ("yprov-inspect export 1 --format json-ld", "did you mean jsonld?"),
    ("yprov-inspect show", "(see yprov-inspect show --help)"),
]


@pytest.mark.parametrize(("line", "words"), MISTAKES, ids=[f"{a}: {b}" for a, b in MISTAKES])
def test_a_mistake_names_the_option_and_what_was_probably_meant(line: str, words: str) -> None:
    assert words in _said(line)
    assert "\n" not in _said(line)


def test_a_mistyped_field_or_state_is_refused_instead_of_choosing_nothing(tmp_path: Path) -> None:
    run("yprov-run", "-q", "true", cwd=tmp_path)
    for option, value, words in (
        ("--sort", "-enrgy", "did you mean energy?"),
        ("--where", "strated>2020", "did you mean started?"),
        ("--state", "complete", "did you mean completed?"),
    ):
        done = run("yprov-inspect", "list", option, value, cwd=tmp_path)
        assert done.returncode == 2
        assert option in done.stderr.decode()
        assert words in done.stderr.decode()
    # What no job has here, but a job may have: nothing is chosen, and that is right.
    done = run("yprov-inspect", "list", "--where", "meanUtilisation<40%", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_mistyped_setting_says_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / "yprov.yaml").write_text("advice:\n  gpu_idel_below: 0.1\n")
    done = run("yprov-run", "true", cwd=tmp_path)
    assert done.returncode == 2
    assert b"'gpu_idel_below'; did you mean gpu_idle_below?" in done.stderr
    assert b"yprov.yaml:2: " in done.stderr


_BASH = r"""
for program in yprov-run yprov-merge yprov-inspect; do
    variable=_${program^^}_COMPLETE
    source <(env "${variable//-/_}=source_bash" $program)
done
try() {  # the words of a command line, the last one being completed
    local name; name=$(complete -p "$1" | sed 's/.*-F \([^ ]*\) .*/\1/')
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    "$name" "$1" "${!#}"
    echo "$*: ${COMPREPLY[*]}"
}
try yprov-inspect sh
try yprov-inspect show --ti
try yprov-inspect diff 1 ''
try yprov-inspect list --state un
try yprov-inspect export --quantity gpu_p
try yprov-run --int
try yprov-merge yprov/
"""


def test_bash_completes_subcommands_options_and_jobs(tmp_path: Path) -> None:
    for name in ("train_4711", "train_4712", "campaign"):
        (tmp_path / "yprov" / name).mkdir(parents=True)
    done = run("bash", "-c", _BASH, cwd=tmp_path)
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [
        "yprov-inspect sh: show",
        "yprov-inspect show --ti: --timeline",
        "yprov-inspect diff 1 : 4711 4712",
        "yprov-inspect list --state un: unknown unreadable",
        "yprov-inspect export --quantity gpu_p: gpu_power",
        "yprov-run --int: --interval",
        "yprov-merge yprov/: yprov/train_4711 yprov/train_4712",
    ]


@pytest.mark.parametrize(
    ("shell", "words"),
    # zsh reads the first line only.
    [("zsh", "#compdef yprov-inspect\n"), ("fish", "complete --command yprov-inspect ")],
)
def test_zsh_and_fish_get_a_script_and_answers(shell: str, words: str, tmp_path: Path) -> None:
    env = environment(_YPROV_INSPECT_COMPLETE=f"source_{shell}")
    assert run("yprov-inspect", cwd=tmp_path, env=env).stdout.decode().startswith(words)
    env = environment(
        _YPROV_INSPECT_COMPLETE=f"complete_{shell}", _TYPER_COMPLETE_ARGS="yprov-inspect di",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )  # fmt: skip
    assert "diff" in run("yprov-inspect", cwd=tmp_path, env=env).stdout.decode()


def test_completion_is_offered_by_every_program(tmp_path: Path) -> None:
    script = "for p in yprov-run yprov-merge yprov-inspect; do $p --help; done"
    done = subprocess.run(
        ["bash", "-c", script], env=environment(), cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout.count(b"--install-completion") == 3

"""The commands' own words: misuse, dry runs, help, and the summary in a log."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import environment, run

MISUSE = [
    (["yprov-run"], "COMMAND"),
    (["yprov-run", "--interval", "0", "true"], "--interval 0"),
    (["yprov-run", "--interval", "nan", "true"], "--interval nan"),
    (["yprov-run", "--interval", "fast", "true"], "--interval"),
    (["yprov-run", "--tag", "novalue", "true"], "KEY=VALUE"),
    (["yprov-run", "--no-such", "true"], "--no-such"),
    (["yprov-merge"], "JOB_DIR|JOB_ID"),
    (["yprov-merge", "nowhere"], "nowhere"),
    (["yprov-merge", "12345"], "12345"),
]


@pytest.mark.parametrize(("command", "words"), MISUSE, ids=[" ".join(c) for c, _ in MISUSE])
def test_misuse_is_one_line_and_status_two_and_nothing_is_launched_or_written(
    command: list[str], words: str, tmp_path: Path
) -> None:
    done = run(*command, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert words in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_the_commands_own_options_are_never_eaten(tmp_path: Path) -> None:
    done = run("yprov-run", "-q", "echo", "--dry-run", "-q", "--", "--tag", cwd=tmp_path)
    assert done.stdout == b"--dry-run -q -- --tag\n"
    done = run("yprov-run", "-q", "--", "echo", "--", "-q", cwd=tmp_path)
    assert done.stdout == b"-- -q\n"


def test_a_dry_run_prints_a_command_that_a_shell_reads_back(tmp_path: Path) -> None:
    words = ["srun", "-N2", "python", "a b.py", "it's", ""]
    done = run("yprov-run", "--dry-run", *words, cwd=tmp_path)
    printed = shlex.split(done.stdout.decode())
    assert printed[:4] == ["srun", "--job-name=python", "-N2", "/bin/sh"]
    assert printed[-4:] == words[2:]
    assert list(tmp_path.iterdir()) == []


ANSWERS = [
    "yprov-run --version",
    "yprov-run --help",
    "yprov-run --dry-run echo",
    "yprov-inspect --help",
]


@pytest.mark.parametrize("command", ANSWERS)
def test_an_answer_that_cannot_be_written_is_one_line(command: str, tmp_path: Path) -> None:
    done = run("sh", "-c", f"exec {command} >/dev/full", cwd=tmp_path)
    program = command.split()[0].encode()
    assert done.stderr == program + b": stdout: No space left on device\n"
    assert done.returncode == 1


@pytest.mark.parametrize("command", ANSWERS)
def test_an_answer_that_nobody_reads_is_no_error_to_tell(command: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as unread:
        done = subprocess.run(command.split(), cwd=tmp_path, env=environment(), stdout=unread,
                              stderr=subprocess.PIPE, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")


def test_options_come_from_the_environment_too(tmp_path: Path) -> None:
    env = environment(YPROV_DIR=str(tmp_path / "there"), YPROV_NAME="mine")
    run("yprov-run", "-q", "true", cwd=tmp_path, env=env)
    assert (tmp_path / "there" / "mine_1" / "prov.json").exists()


def test_the_summary_in_a_log_is_plain_text_that_fits(tmp_path: Path, fake_nvml: Path) -> None:
    env = environment(LD_LIBRARY_PATH=str(fake_nvml), TERM="xterm-256color")
    text = run("yprov-run", "sleep", "2", cwd=tmp_path, env=env).stderr.decode()
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    expected = r"""-- yprov-run: sleep 1 -+
state +completed, exit status 0
time +2\.\d s, started 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC
nodes +1, 1 task
GPUs +2
GPU use +mean 50%, peak 60%
GPU memory +peak 11\.0 GiB on one GPU
GPU power +mean \d+ W, peak \d+ W per GPU
GPU energy +[\d.]+ k?J \+/- \d+\.\d% \(energy counter; \d+\.\d% of it estimated\)
node-wide +CPU \d+% busy, memory peak [\d.]+ [MG]iB on one node
document +yprov/sleep_1/prov\.json
report +yprov/sleep_1/report\.html
"""
    assert re.fullmatch(expected, text), text


def test_yprov_merge_prints_the_summary_on_stdout(tmp_path: Path) -> None:
    run("yprov-run", "-q", "--no-merge", "true", cwd=tmp_path)
    assert not (tmp_path / "yprov/true_1/prov.json").exists()
    done = run("yprov-merge", "1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"completed, exit status 0" in done.stdout


def test_hostile_names_cannot_move_the_cursor(tmp_path: Path) -> None:
    name = "\x1b[31mred\u202eevil"
    text = run("yprov-run", "--name", name, "true", cwd=tmp_path).stderr.decode()
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("command", ["yprov-run", "yprov-merge"])
def test_help_teaches_with_an_example(command: str, tmp_path: Path) -> None:
    text = run(command, "--help", cwd=tmp_path).stdout.decode()
    assert "Example" in text
    assert "--dir" in text

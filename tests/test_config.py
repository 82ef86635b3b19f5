"""Settings: which goes over which, and a broken file is said before anything is launched."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import environment, run
from yprov_run import config
from yprov_run.errors import YprovError


def _load(folder: Path, text: str) -> config.Settings:
    path = folder / "c.yaml"
    path.write_text(text)
    return config.load([path])


def test_flags_go_over_variables_over_the_folders_over_the_users_over_the_sites(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    user = home / ".config" / "yprov" / "config.yaml"
    user.parent.mkdir(parents=True)
    user.write_text("name: users\ndir: users\nquiet: yes\n")
    site = tmp_path / "site.yaml"
    site.write_text("name: sites\ninterval: 3\nmerge: false\n")
    found = config.load(config.files({"HOME": str(home)}, tmp_path, site))
    assert found == {"name": "users", "dir": config.Folder("users", f"{user}:2"), "interval": 3.0,
                     "merge": False, "quiet": True}  # fmt: skip

    (tmp_path / "yprov.yaml").write_text("name: folders\n")
    env = environment(HOME=str(home))
    run("yprov-run", "true", cwd=tmp_path, env=env)
    assert (tmp_path / "users" / "folders_1" / "prov.json").exists()
    run("yprov-run", "true", cwd=tmp_path, env={**env, "YPROV_NAME": "variables"})
    assert (tmp_path / "users" / "variables_2").exists()
    run("yprov-run", "--name", "flags", "true", cwd=tmp_path, env={**env, "YPROV_NAME": "x"})
    assert (tmp_path / "users" / "flags_3").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nmae: x\n", ":1: unknown key 'nmae'"),
        ("name: x\n\ninterval: often\n", ":3: 'interval' must be a number of seconds"),
        ("quiet: 3\n", ":1: 'quiet' must be true or false"),
        ("name: [a]\n", ":1: 'name' must be a name"),
        ("name: a\nname: b\n", ":2: 'name' is set twice"),
        ("ignore: tmp\n", ":1: 'ignore' must be a list of names or patterns"),
        ("ignore: [a, [b]]\n", ":1: 'ignore' must be a list of names or patterns"),
        ("tariff: 3\n", ":1: 'tariff' must be `name: value` lines"),
        ("tariff:\n  price_per_kwh: 1\n", ":1: 'tariff' needs a `source` and a `date`"),
        ("tariff:\n  pue: low\n", ":2: 'pue' must be power usage effectiveness"),
        ("tariff:\n  pue: 0\n", ":2: 'pue' must be power usage effectiveness"),
        ("tariff:\n  price_per_kwh: -1\n", ":2: 'price_per_kwh' must be the price of a kWh"),
        ("tariff:\n  date: a\n  date: b\n", ":3: 'date' is set twice"),
        ("advice:\n  io_wait_above: 0.1\n  io_wait_above: 1\n", ":3: 'io_wait_above' is set twice"),
        ("advice:\n  gpu_idle_below: -3\n", ":2: 'gpu_idle_below' must be a number, 0 to 1"),
        ("advice:\n  least_seconds: -1\n", ":2: 'least_seconds' must be a number, 0 or more"),
        ("interval: 0\n", ":1: 'interval' must be a number of seconds, 0.01 to 86400"),
        ("interval: .nan\n", ":1: 'interval' must be a number of seconds, 0.01 to 86400"),
        ("checksum_seconds: -1\n", ":1: 'checksum_seconds' must be a number of seconds, 0 or more"),
        ("checksum_gb: .inf\n", ":1: 'checksum_gb' must be a number of gigabytes, 0 or more"),
        ("tariff:\n  g_co2: 1\n", ":2: unknown name 'g_co2'"),
        ("- a\n", ":1: give settings"),
        ("name: 'x\n", "not YAML"),
        ("a: b: c\n", ":1: not YAML"),
        ("? [a]\n: b\n", "unknown key"),
        ("!!python/object:os.system x\n", "give settings"),
    ],
)
def test_a_broken_file_is_named_with_its_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(YprovError) as caught:
        _load(tmp_path, text)
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_broken_file_ends_us_before_anything_is_launched(tmp_path: Path) -> None:
    (tmp_path / "yprov.yaml").write_text("nmae: x\n")
    done = run("yprov-run", "touch", "launched", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"yprov.yaml:1: unknown key 'nmae'" in done.stderr
    assert not (tmp_path / "launched").exists()


@pytest.mark.parametrize(
    "line",
    [
        "yprov-run --help",
        "yprov-run --version",
        "yprov-run --template include",
        "yprov-run --init --help",
        "yprov-run --init list",
        "yprov-run --init single",
        "yprov-inspect --help",
        "yprov-inspect list --help",
        "yprov-inspect --version",
        "yprov-merge --help",
        "env _YPROV_RUN_COMPLETE=source_bash yprov-run",
        "env _YPROV_INSPECT_COMPLETE=complete_zsh _TYPER_COMPLETE_ARGS=yprov-inspect\\ show\\  "
        "yprov-inspect",
    ],
)
def test_a_broken_file_is_not_in_the_way_of_what_needs_no_settings(
    line: str, tmp_path: Path
) -> None:
    (tmp_path / "yprov.yaml").write_text("dirr: x\n")
    (tmp_path / "yprov/train_4711").mkdir(parents=True)
    done = run(*shlex.split(line), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout != b""


@pytest.mark.parametrize("line", ["yprov-inspect list", "yprov-merge 1", "yprov-run -qi x true"])
def test_a_broken_file_is_said_by_every_command_that_needs_settings(
    line: str, tmp_path: Path
) -> None:
    (tmp_path / "yprov.yaml").write_text("dirr: x\n")
    done = run(*line.split(), cwd=tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"yprov.yaml:1: unknown key 'dirr'" in done.stderr


def test_lists_and_thresholds_of_several_files_add_up(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("ignore: [secrets]\nenv: [SITE_*]\nadvice: {least_seconds: 5}\ndir: a\n")
    second.write_text("ignore: [tmp]\nadvice: {gpu_idle_below: 0.1}\ndir: b\n")
    found = config.load([first, second])
    assert found == {
        "ignore": ("secrets", "tmp"), "env": ("SITE_*",), "dir": config.Folder("b", f"{second}:3"),
        "advice": {"least_seconds": 5.0, "gpu_idle_below": 0.1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("~/records", "/home/me/records"),
        ("'~'", "/home/me"),
        ("$PROJECT/yprov", "/projects/p1/yprov"),
        ("/scratch/${PROJECT}_x", "/scratch//projects/p1_x"),
        ("a~/b", "a~/b"),
        ("~you/b", "~you/b"),
        ("a$/$1", "a$/$1"),
    ],
)
def test_the_folder_of_a_file_has_its_home_and_variables_replaced(
    text: str, folder: str, tmp_path: Path
) -> None:
    found = _load(tmp_path, f"dir: {text}\n")["dir"]
    assert isinstance(found, config.Folder)
    assert found.expanded({"HOME": "/home/me", "PROJECT": "/projects/p1"}) == folder


def test_every_command_finds_the_jobs_of_such_a_folder(tmp_path: Path) -> None:
    (tmp_path / "yprov.yaml").write_text("dir: $PROJECT/yprov\n")
    env = environment(PROJECT=str(tmp_path / "p1"))
    for words in (["-q"], ["-q", "--env", "all"]):  # read the short way, and by Typer
        assert run("yprov-run", *words, "true", cwd=tmp_path, env=env).returncode == 0
    assert sorted(path.name for path in (tmp_path / "p1/yprov").iterdir()) == ["true_1", "true_2"]
    assert run("yprov-inspect", "show", "1", cwd=tmp_path, env=env).returncode == 0


def test_a_variable_that_is_not_set_is_named_with_its_line_where_the_folder_is_needed(
    tmp_path: Path,
) -> None:
    (tmp_path / "yprov.yaml").write_text("quiet: true\ndir: $NO_SUCH/yprov\n")
    for command in ("yprov-run true", "yprov-inspect list", "yprov-merge 1"):
        done = run(*command.split(), cwd=tmp_path)
        assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
        assert b"yprov.yaml:2: 'dir': the variable NO_SUCH is not set" in done.stderr
    for words in (["--dir", "there"], ["--dir", "there", "-qi", "x"]):
        assert run("yprov-run", *words, "true", cwd=tmp_path).returncode == 0
    done = run("yprov-inspect", "list", cwd=tmp_path, env=environment(YPROV_DIR="there"))
    assert (done.returncode, done.stdout.count(b"true_")) == (0, 2)
    assert not list(tmp_path.glob("*NO_SUCH*"))


def test_a_home_that_the_shell_has_left_in_an_option_is_replaced(tmp_path: Path) -> None:
    env = environment(HOME=str(tmp_path / "home"))
    for words in (["-q"], ["-q", "--env", "all"]):
        assert run("yprov-run", "--dir=~/x", *words, "true", cwd=tmp_path, env=env).returncode == 0
    assert sorted(path.name for path in (tmp_path / "home/x").iterdir()) == ["true_1", "true_2"]
    assert run("yprov-inspect", "show", "--dir=~/x", "1", cwd=tmp_path, env=env).returncode == 0
    assert b"true_2" in run("yprov-inspect", "list", "~/x", cwd=tmp_path, env=env).stdout
    assert not (tmp_path / "~").exists()


def test_no_file_and_an_empty_file_are_no_settings(tmp_path: Path) -> None:
    assert config.load([tmp_path / "none.yaml"]) == {}
    assert _load(tmp_path, "# nothing\n") == {}


def _loop(folder: Path) -> None:
    (folder / "loop").symlink_to(folder / "loop")


@pytest.mark.parametrize(
    ("home", "words"),
    [
        ("loop", "Too many levels of symbolic links"),
        ("x" * 300, "File name too long"),
        ("folder", "not a regular file"),
    ],
)
def test_a_home_that_cannot_be_read_gives_no_settings_and_one_warning_and_the_job_runs(
    home: str, words: str, tmp_path: Path
) -> None:
    _loop(tmp_path)
    (tmp_path / "folder/.config/yprov/config.yaml").mkdir(parents=True)
    (tmp_path / "yprov.yaml").write_text("name: folders\n")
    env = environment(HOME=str(tmp_path / home))
    env.pop("XDG_CONFIG_HOME", None)
    done = run("yprov-run", "-q", "echo", "job", cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (0, b"job\n")
    (warning,) = done.stderr.decode().splitlines()
    assert warning.startswith("yprov-run: no settings from ")
    assert warning.endswith(f"config.yaml: {words}")
    assert (tmp_path / "yprov/folders_1/prov.json").exists()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("pipe", "not a regular file"),
        ("endless", "not a regular file"),
        ("huge", "larger than 1048576 bytes"),
    ],
)
def test_what_is_no_plain_small_file_gives_no_settings_and_the_job_runs(
    kind: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "yprov.yaml"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "endless":
        file.symlink_to("/dev/zero")
    else:
        file.write_bytes(b"#" * (1 << 21))
    done = run("yprov-run", "-q", "echo", "job", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"job\n")
    assert done.stderr.decode() == f"yprov-run: no settings from yprov.yaml: {words}\n"


def test_a_merge_under_such_a_home_warns_once_too(tmp_path: Path) -> None:
    _loop(tmp_path)
    env = environment(HOME=str(tmp_path / "loop"))
    env.pop("XDG_CONFIG_HOME", None)
    run("yprov-run", "-q", "--no-merge", "true", cwd=tmp_path, env=env)
    done = run("yprov-merge", "-q", "1", cwd=tmp_path, env=env)
    assert done.returncode == 0
    assert done.stderr.count(b"no settings from ") == 1


def test_a_file_that_cannot_be_read_may_speak_against_keeping_changes_to_the_code(
    tmp_path: Path,
) -> None:
    _loop(tmp_path)
    (tmp_path / "c.yaml").write_text("patch: true\n")
    assert config.load([tmp_path / "c.yaml", tmp_path / "loop"])["patch"] is False
    assert config.load([tmp_path / "loop", tmp_path / "c.yaml"])["patch"] is True


def test_a_file_that_is_no_text_is_a_broken_one(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(YprovError, match="cannot be read: 'utf-8' codec"):
        config.load([tmp_path / "c.yaml"])


@given(st.text(max_size=40))
def test_any_text_is_settings_or_an_error_of_ours(text: str) -> None:
    try:
        found = config._parse(Path("c.yaml"), text)
    except YprovError:
        return
    assert set(found) <= {*config.KEYS, "advice"}

"""Settings: which goes over which, and a broken file is said before anything is launched."""

from __future__ import annotations

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
    assert found == {"name": "users", "dir": "users", "interval": 3.0, "merge": False,
                     "quiet": True}  # fmt: skip

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
        ("tariff:\n  pue: -1\n", ":2: 'pue' must be"),
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
        ("folder", "Is a directory"),
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

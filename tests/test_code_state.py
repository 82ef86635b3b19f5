"""The state of the code that ran: what git says, without running what a repository names."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import need
from yprov_run.capture import code
from yprov_run.capture.patch import MAX_PATCH_BYTES, as_new_file
from yprov_run.kinds.code import Captured, Repository, Submodule
from yprov_run.merge.attachments import patch_of
from yprov_run.merge.restore import restore

_AUTHOR = {
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _git_is_installed() -> None:
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")


def _git(folder: Path, *words: str, data: str = "") -> str:
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *words], cwd=folder, check=True, text=True,
        input=data, capture_output=True, env={**_environment(), **_AUTHOR},
    )  # fmt: skip
    return done.stdout.strip()


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def _repository(folder: Path) -> Path:
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_text("print('one')\n")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "first")
    return folder


def _state(folder: Path, environ: Mapping[str, str] | None = None) -> Repository:
    (found,) = code.capture([str(folder)], environ or _environment())
    return found


def test_a_clean_repository_gives_commit_branch_and_remote(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    _git(folder, "remote", "add", "origin", "https://host/group/project.git")
    (folder / "sub").mkdir()
    state = _state(folder / "sub")
    assert state.root == str(folder)
    assert state.commit == _git(folder, "rev-parse", "HEAD")
    assert (state.branch, state.remote) == ("main", "https://host/group/project.git")
    assert (state.dirty, state.changed_count, state.untracked_count) == (False, 0, 0)
    assert (state.patch, state.problems) == ("", ())


def test_a_folder_outside_any_repository_has_no_state(tmp_path: Path) -> None:
    assert code.capture([str(tmp_path)], _environment()) == []


def test_two_folders_of_one_repository_are_one(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    (folder / "sub").mkdir()
    assert len(code.capture([str(folder), str(folder / "sub")], _environment())) == 1


def test_commit_and_patch_together_give_back_the_files_that_ran(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    (folder / "gone.txt").write_text("x\n")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "second")
    clone = tmp_path / "clone"
    _git(tmp_path, "clone", "-q", str(folder), str(clone))
    changed = {
        "train.py": "print('two')\n",
        "new.yaml": "lr: 1\nend",
        "a folder/empty.txt": "",
        "one line.sh": "true\n",
        "odd.txt": "a\r\nb\x0cc\u2028d\n\n",
    }
    for name, text in changed.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode())
    (folder / "one line.sh").chmod(0o755)
    (folder / "gone.txt").unlink()
    (folder / ".gitignore").write_text("big/\n")
    (folder / "big").mkdir()
    (folder / "big/data").write_text("not wanted\n")
    state = _state(folder)
    assert (state.dirty, state.changed_count, state.untracked_count) == (True, 2, 5)
    _git(clone, "apply", "-", data=state.patch)
    assert {name: (clone / name).read_bytes().decode() for name in changed} == changed
    assert os.access(clone / "one line.sh", os.X_OK)
    assert not (clone / "gone.txt").exists()
    assert "not wanted" not in state.patch


def test_a_changed_binary_file_is_named_and_the_rest_of_the_patch_can_be_applied(
    tmp_path: Path,
) -> None:
    folder = _repository(tmp_path / "r")
    for name in ("fig.png", "fig é.png", "gone.bin"):
        (folder / name).write_bytes(b"\0one")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "second")
    clone = tmp_path / "clone"
    _git(tmp_path, "clone", "-q", str(folder), str(clone))
    for name in ("fig.png", "fig é.png"):
        (folder / name).write_bytes(b"\0two")
    (folder / "gone.bin").unlink()
    (folder / "train.py").write_text("print('two')\nBinary files are read\n")
    state = _state(folder)
    _git(clone, "apply", "-", data=state.patch)
    assert (clone / "train.py").read_text() == (folder / "train.py").read_text()
    (problem,) = state.problems
    assert problem.endswith("not in the patch: fig é.png, fig.png, gone.bin")
    (folder / "train.py").write_text("print('one')\n")
    _git(folder, "checkout", "train.py")
    assert _state(folder).patch == ""


def test_before_the_first_commit_the_patch_is_what_ran(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_text("one\n")
    _git(folder, "add", "train.py")
    with (folder / "train.py").open("a") as more:
        more.write("two\n")
    state = _state(folder)
    (tmp_path / "to").mkdir()
    _git(tmp_path / "to", "apply", "-", data=state.patch)
    assert (tmp_path / "to/train.py").read_text() == "one\ntwo\n"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_any_text_as_a_new_file_is_a_patch_that_git_can_apply(text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "to").mkdir()
        (folder / "f").write_bytes(text.encode())
        _git(folder / "to", "apply", "-", data=as_new_file(folder, "f"))
        assert (folder / "to/f").read_bytes().decode() == text


def test_without_the_switch_there_is_no_patch(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    (folder / "train.py").write_text("changed\n")
    (state,) = code.capture([str(folder)], _environment(), with_patch=False)
    assert (state.dirty, state.patch) == (True, "")


def test_a_difference_beyond_reason_is_cut_and_says_so(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    (folder / "train.py").write_text("x = 1\n" * (MAX_PATCH_BYTES // 5))
    state = _state(folder)
    assert len(state.patch.encode()) <= MAX_PATCH_BYTES
    assert any("cut" in problem for problem in state.problems)


def test_records_of_jobs_within_the_repository_are_no_change_to_it(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    record = folder / "yprov/train_1/record/steps/0"
    record.mkdir(parents=True)
    for path in (record / "../../job.json", record / "step.json", folder / "yprov/campaign.html"):
        path.write_text("{}\n")
    (folder / "yprov/.yprov-index.json").write_text("{}\n")
    (folder / "yprov/notes.txt").write_text("mine\n")
    state = _state(folder)
    assert state.untracked_count == 1
    assert "+mine" in state.patch
    assert "record" not in state.patch


def test_untracked_links_pipes_binaries_and_large_files_stay_out_of_the_patch(
    tmp_path: Path,
) -> None:
    folder = _repository(tmp_path / "r")
    secret = tmp_path / "secret.txt"
    secret.write_text("not of this repository\n")
    (folder / "link.txt").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    (folder / "binary").write_bytes(b"\0\1\2")
    (folder / "large.txt").write_text("line\n" * 20_000)
    (folder / "small.txt").write_text("kept\n")
    state = _state(folder)
    assert "kept" in state.patch
    assert state.patch.count("diff --git") == 1


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://me:secret@host/p.git", "https://host/p.git"),
        ("https://glpat-0123456789abcdefghij@host/p.git", "https://host/p.git"),
        ("https://host/p.git?private_token=abc", "https://host/p.git"),
        ("ssh://git@host:22/p.git", "ssh://git@host:22/p.git"),
        ("git@host:group/p.git", "git@host:group/p.git"),
        ("/srv/git/p.git", "/srv/git/p.git"),
    ],
)
def test_a_remote_is_kept_without_its_credentials(tmp_path: Path, url: str, kept: str) -> None:
    folder = _repository(tmp_path / "r")
    _git(folder, "remote", "add", "origin", url)
    assert _state(folder).remote == kept
    assert _state(folder, {"PATH": "/nonexistent"}).remote == kept


def test_the_remote_of_the_branch_goes_before_the_one_called_origin(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    for name in ("origin", "mine"):
        _git(folder, "remote", "add", name, f"https://host/{name}.git")
    _git(folder, "config", "branch.main.remote", "mine")
    _git(folder, "config", "branch.main.merge", "refs/heads/main")
    assert _state(folder).remote == "https://host/mine.git"


def test_a_detached_head_has_no_branch_and_a_new_repository_no_commit(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    commit = _git(folder, "rev-parse", "HEAD")
    _git(folder, "checkout", "-q", "--detach")
    assert (_state(folder).commit, _state(folder).branch) == (commit, "")
    empty = tmp_path / "empty"
    empty.mkdir()
    _git(empty, "init", "-q", "-b", "main")
    (empty / "new.py").write_text("1\n")
    state = _state(empty)
    assert (state.commit, state.branch, state.untracked_count) == ("", "main", 1)
    assert "+1" in state.patch


def test_submodules_tell_the_commit_that_is_there(tmp_path: Path) -> None:
    library = _repository(tmp_path / "library")
    folder = _repository(tmp_path / "r")
    _git(folder, "submodule", "--quiet", "add", str(library), "lib")
    _git(folder, "commit", "-q", "-m", "with the library")
    wanted = _git(library, "rev-parse", "HEAD")
    assert _state(folder).submodules == (Submodule("lib", wanted, wanted, False),)
    (folder / "lib/train.py").write_text("changed\n")
    state = _state(folder)
    assert state.submodules == (Submodule("lib", wanted, wanted, True),)
    assert state.dirty


def test_nothing_that_a_repository_names_is_run(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    _git(folder, "submodule", "--quiet", "add", str(_repository(tmp_path / "library")), "lib")
    (folder / ".gitattributes").write_text("*.py filter=evil diff=evil\n*.txt filter=evil\n")
    (folder / "other.txt").write_text("x\n")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "attributes")
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "post-checkout"):
        shutil.copy(program, hooks / hook)
    for place in (folder, folder / "lib"):
        for key in (
            "core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
            "diff.evil.textconv", "diff.evil.command", "diff.external", "core.pager",
            "core.sshCommand", "pager.status", "pager.diff",
        ):  # fmt: skip
            _git(place, "config", key, str(program))
        _git(place, "config", "core.hooksPath", str(hooks))
        _git(place, "config", "filter.evil.required", "true")
    (folder / "train.py").write_text("changed\n")
    (folder / "lib/train.py").write_text("changed\n")
    os.utime(folder / "other.txt", (1, 1))
    state = _state(folder)
    assert state.dirty
    assert "+changed" in state.patch
    assert state.submodules[0].dirty
    assert not (tmp_path / "ran").exists()


def _with_an_odd_filter(folder: Path) -> Path:
    """Make a repository whose files go through a filter with a `=` in its name."""
    _repository(folder)
    (folder / ".gitattributes").write_text("* filter=a=b\n")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "attributes")
    with (folder / ".git/config").open("a") as config:
        config.write(f'[filter "a=b"]\n\tclean = touch {folder}/../ran; cat\n\trequired = true\n')
    (folder / "train.py").write_text("changed\n")
    return folder


def _git_that(folder: Path, does: str) -> dict[str, str]:
    """Make a git that does something before it is the real one; return its environment."""
    folder.mkdir()
    (folder / "git").write_text(f'#!/bin/sh\n{does}\nexec {shutil.which("git")} "$@"\n')
    (folder / "git").chmod(0o755)
    return {**_environment(), "PATH": f"{folder}:{os.environ['PATH']}"}


def test_a_filter_is_not_run_whatever_its_name(tmp_path: Path) -> None:
    state = _state(_with_an_odd_filter(tmp_path / "r"))
    assert "+changed" in state.patch
    assert state.problems == ()
    assert not (tmp_path / "ran").exists()


def test_a_git_that_would_run_a_filter_all_the_same_is_not_asked(tmp_path: Path) -> None:
    """Before 2.31 git took no settings from the environment."""
    folder = _with_an_odd_filter(tmp_path / "r")
    state = _state(folder, _git_that(tmp_path / "old", "unset GIT_CONFIG_COUNT"))
    assert not (tmp_path / "ran").exists()
    assert (state.commit, state.dirty, state.patch) == (_git(folder, "rev-parse", "HEAD"), None, "")
    assert "filter a=b" in state.problems[0]


def test_a_configuration_too_long_to_be_read_keeps_git_from_being_asked(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    (folder / ".gitattributes").write_text("* filter=late\n")
    with (folder / ".git/config").open("a") as config:
        config.write("[pad]\n" + f"x = {'x' * 60_000}\n" * 300)
        config.write(f'[filter "late"]\n\tclean = touch {tmp_path}/ran; cat\n')
    (folder / "train.py").write_text("changed\n")
    state = _state(folder)
    assert not (tmp_path / "ran").exists()
    assert "too long" in state.problems[0]


def test_a_file_in_another_encoding_comes_back_from_the_patch_as_it_was(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    (folder / "train.py").write_bytes(b"# caf\xe9\nprint('two')\n")
    _git(folder, "commit", "-q", "-a", "-m", "latin")
    (folder / "train.py").write_bytes(b"# caf\xe9 cr\xe8me\nprint('three')\n")
    recorded = json.loads(json.dumps(dataclasses.asdict(Captured((_state(folder),)))))
    restored = restore(Captured, recorded)
    assert restored is not None
    patch = patch_of(restored.repositories[0])
    assert patch is not None
    clone = tmp_path / "clone"
    _git(tmp_path, "clone", "-q", str(folder), str(clone))
    (tmp_path / "patch").write_bytes(patch.content)
    _git(clone, "apply", str(tmp_path / "patch"))
    assert (clone / "train.py").read_bytes() == (folder / "train.py").read_bytes()


def test_what_a_slow_look_for_untracked_files_takes_is_not_taken_from_the_rest(
    tmp_path: Path,
) -> None:
    folder = _repository(tmp_path / "r")
    _git(folder, "remote", "add", "origin", "https://host/p.git")
    (folder / "train.py").write_text("changed\n")
    spent = tmp_path / "spent"
    slow = _git_that(tmp_path / "slow", f'case "$*" in *--others*) touch {spent}; exit 1 ;; esac')
    (state,) = code.capture([str(folder)], slow, monotonic=lambda: 100.0 * spent.exists())
    assert (state.remote, state.untracked_count) == ("https://host/p.git", None)
    assert "+changed" in state.patch
    assert [problem.partition(":")[0] for problem in state.problems] == [
        "untracked files are not known"
    ]


def test_untracked_files_stay_out_where_git_is_set_not_to_show_them(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    _git(folder, "config", "status.showUntrackedFiles", "no")
    (folder / ".bash_history").write_text("private matter\n")
    (folder / "train.py").write_text("changed\n")
    state = _state(folder)
    assert state.untracked_count is None
    assert "+changed" in state.patch
    assert "private" not in state.patch
    assert "status.showUntrackedFiles" in state.problems[0]


def test_a_repository_cannot_lead_to_files_elsewhere(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    private = tmp_path / "private"
    private.mkdir()
    (private / "train.py").write_text("private matter\n")
    _git(folder, "config", "core.worktree", str(private))
    state = _state(folder)
    assert not state.dirty
    assert "private" not in state.patch


def test_the_job_keeps_its_own_index_as_it_is(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    os.utime(folder / "train.py", (1, 1))
    before = (folder / ".git/index").stat().st_mtime_ns
    assert _state(folder).dirty is False
    assert (folder / ".git/index").stat().st_mtime_ns == before
    assert not (folder / ".git/index.lock").exists()


@pytest.mark.parametrize("packed", [False, True])
def test_without_git_commit_and_branch_come_from_its_files(tmp_path: Path, packed: bool) -> None:
    folder = _repository(tmp_path / "r")
    _git(folder, "remote", "add", "origin", "https://host/p.git")
    if packed:
        _git(folder, "pack-refs", "--all")
    tree = tmp_path / "tree"
    _git(folder, "worktree", "add", "-q", "-b", "side/way", str(tree))
    for place, branch in ((folder, "main"), (tree, "side/way")):
        state = _state(place, {"PATH": "/nonexistent"})
        assert (state.commit, state.branch) == (_git(place, "rev-parse", "HEAD"), branch)
        assert (state.remote, state.dirty) == ("https://host/p.git", None)
        assert "git is not installed" in state.problems[0]


def test_a_broken_repository_is_named_and_is_not_taken_for_the_one_around_it(
    tmp_path: Path,
) -> None:
    folder = _repository(tmp_path / "r")
    inner = folder / "inner"
    (inner / ".git").mkdir(parents=True)
    state = _state(inner)
    assert (state.root, state.commit) == (str(inner), "")
    assert "not a git repository" in state.problems[0]


def test_a_git_that_hangs_is_ended_and_named(tmp_path: Path) -> None:
    folder = _repository(tmp_path / "r")
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nexec sleep 1000\n")
    (slow / "git").chmod(0o755)
    commit = _git(folder, "rev-parse", "HEAD")
    environ = {"PATH": f"{slow}:{os.environ['PATH']}"}
    (state,) = code.capture([str(folder)], environ, timeout_s=0.2)
    assert (state.commit, state.branch) == (commit, "main")
    assert "longer than" in state.problems[0] or "was spent" in state.problems[0]


def test_another_users_repository_is_read_as_far_as_git_allows(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    folder = _repository(tmp_path / "r")
    for path in (folder, folder / ".git"):
        os.chown(path, 65534, 65534)
    commit = (folder / ".git/refs/heads/main").read_text().strip()
    state = _state(folder)
    assert state.commit == commit
    assert "ownership" in state.problems[0]

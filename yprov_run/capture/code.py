"""Which code ran: commit, branch, remote, and what was changed and not committed.

Asked of git where it is installed, else read from the repository's files. Taken right after the
launch: a program that changes its own repository at once is seen with these changes.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from yprov_run import config
from yprov_run.capture import gitfiles
from yprov_run.capture.commandline import paths_in
from yprov_run.capture.gitprogram import Git, texts
from yprov_run.capture.patch import (
    MAX_PATCH_BYTES,
    as_new_file,
    patch_audience,
    without_binaries,
    without_secrets,
)
from yprov_run.capture.program import ProgramError
from yprov_run.capture.scene import Scene
from yprov_run.errors import YprovError
from yprov_run.kinds.code import Captured, Repository, Submodule
from yprov_run.light import NamedTuple
from yprov_run.redaction.remote import without_credentials

_MAX_SUBMODULES = 50
_MAX_UNTRACKED = 200
_MAX_SCRIPTS = 3
_MAX_NAMED = 5
_URL = re.compile(r"remote\.(.*)\.url\Z")
_NO = {"no", "false", "off", "0"}


def take(scene: Scene) -> Captured:
    """Return the code of the launched command: where it runs, and where its script is."""
    scripts = [named.path for named in paths_in(scene.argv, scene.cwd) if named.role == "program"]
    folders = [os.path.dirname(os.path.join(scene.cwd, path)) for path in scripts[:_MAX_SCRIPTS]]  # noqa: PTH118, PTH120
    found = capture([scene.cwd, *folders], scene.environ, _wants_patch(scene))
    beside = scene.step.path
    return Captured(
        tuple(
            replace(one, mode=patch_audience(one.patch, one.root, beside)) if one.patch else one
            for one in found
        )
    )


def _wants_patch(scene: Scene) -> bool:
    try:
        return config.load(config.files(scene.environ, Path(scene.cwd))).get("patch") is not False
    except YprovError:
        return False  # what it may say against it cannot be read


def capture(
    folders: Sequence[str],
    environ: Mapping[str, str],
    with_patch: bool = True,
    timeout_s: float = 20.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Repository]:
    """Return the repositories that these folders are in, each once; none for a plain folder."""
    give_up = monotonic() + timeout_s
    program = shutil.which("git", path=environ.get("PATH", os.defpath))
    roots: list[str] = []
    for folder in folders:
        root = gitfiles.find_root(folder)
        if root is not None and root not in roots:
            roots.append(root)
    found = []
    for root in roots:
        if program is None:
            plain = gitfiles.read(root)
            words = "git is not installed here: whether the code was changed is not known"
            repository = Repository(root, *plain, problems=(words,))
        else:
            git = partial(Git, program, root, environ, give_up, monotonic)
            repository = _read(git, root, with_patch)
        found.append(replace(repository, remote=without_credentials(repository.remote)))
    return found


def _read(begin: Callable[[], Git], root: str, with_patch: bool) -> Repository:
    """Ask git for all that it can say in time; what it cannot is named.

    Untracked files come last: in a large folder the look for them takes what time there is.
    """
    problems: list[str] = []
    try:
        git = begin()
        status = _parse_status(texts(git(*_STATUS, "--untracked-files=no")))
    except ProgramError as error:
        return Repository(root, *gitfiles.read(root), problems=(f"git: {error}",))
    patch = ""
    submodules: tuple[Submodule, ...] = ()
    with _naming(problems, "git"):
        patch = _difference(git, status, problems) if with_patch else ""
    with _naming(problems, "git"):
        submodules = tuple(_submodules(git, root))
    untracked = _untracked(git, root, problems)
    if with_patch:
        patch = without_secrets(patch + _new_files(root, untracked or [], patch))
    return Repository(
        root=root,
        commit=status.commit,
        branch=status.branch,
        remote=_remote(git, status.upstream),
        dirty=status.changed > 0 or any(module.dirty for module in submodules),
        changed_count=status.changed,
        untracked_count=None if untracked is None else len(untracked),
        submodules=submodules,
        patch=patch,
        problems=tuple(problems),
    )


@contextlib.contextmanager
def _naming(problems: list[str], what: str) -> Iterator[None]:
    """Note as a problem what git refused or had no time for."""
    try:
        yield
    except ProgramError as error:
        problems.append(f"{what}: {error}")


class _Status(NamedTuple):
    commit: str
    branch: str
    upstream: str
    changed: int


_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--ignore-submodules=all", "--no-renames")


def _parse_status(entries: Sequence[str]) -> _Status:
    """Read `git status --porcelain=v2 --branch -z` with renames off: one entry a file."""
    heads = {}
    changed = 0
    for entry in entries:
        if entry.startswith("# "):
            name, _, value = entry[2:].partition(" ")
            heads[name] = value
        else:
            changed += entry[:2] in {"1 ", "2 ", "u "}
    commit, branch = heads.get("branch.oid", ""), heads.get("branch.head", "")
    return _Status(
        commit="" if commit == "(initial)" else commit,
        branch="" if branch == "(detached)" else branch,
        upstream=heads.get("branch.upstream", ""),
        changed=changed,
    )


def _untracked(git: Git, root: str, problems: list[str]) -> list[str] | None:
    """Return the untracked files; None where git could not tell, or is set not to."""
    if git.setting("status.showuntrackedfiles").lower() in _NO:
        problems.append("untracked files are not looked at: status.showUntrackedFiles is no")
        return None
    with _naming(problems, "untracked files are not known: git"):
        others = git("ls-files", "--others", "--exclude-standard", "-z")
        if others.cut:
            problems.append("not all untracked files are counted: they are too many")
        return list(gitfiles.without_records(root, texts(others)))
    return None


def _remote(git: Git, upstream: str) -> str:
    """Return the URL of the upstream's remote, else of `origin`, else of the first."""
    urls: dict[str, str] = {}
    for name, value in git.settings:
        if found := _URL.match(name):
            urls.setdefault(found[1], value)
    wanted = [name for name in urls if upstream.startswith(f"{name}/")]
    chosen = [*sorted(wanted, key=len, reverse=True), "origin", *urls]
    return next((urls[name] for name in chosen if name in urls), "")


def _submodules(git: Git, root: str) -> list[Submodule]:
    if not os.path.lexists(f"{root}/.gitmodules"):
        return []
    try:
        said = git(
            "config", "-f", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"
        )  # fmt: skip
    except ProgramError:
        return []
    paths = [entry.partition("\n")[2] for entry in texts(said)]
    safe = [path for path in paths if path and not path.startswith("/")]
    safe = [path for path in safe if ".." not in path.split("/")][:_MAX_SUBMODULES]
    if not safe:
        return []
    recorded = {}
    for entry in texts(git("ls-files", "--stage", "-z", "--", *safe)):
        facts, _, path = entry.partition("\t")
        mode, commit = facts.split()[:2]
        if mode == "160000":
            recorded[path] = commit
    return [_submodule(git, root, path, commit) for path, commit in recorded.items()]


def _submodule(git: Git, root: str, path: str, recorded: str) -> Submodule:
    if not os.path.lexists(f"{root}/{path}/.git"):
        return Submodule(path, recorded, "", None)
    try:
        status = _parse_status(texts(git.within(path)(*_STATUS, "--untracked-files=no")))
    except ProgramError:
        return Submodule(path, recorded, "", None)
    return Submodule(path, recorded, status.commit, status.changed > 0 or status.commit != recorded)


def _difference(git: Git, status: _Status, problems: list[str]) -> str:
    """Return the difference to the commit; bytes that are no UTF-8 as `os.fsdecode` has them."""
    if not status.changed:
        return ""
    # Before the first commit all that git knows of is new.
    base = status.commit or git("hash-object", "-t", "tree", "/dev/null").output.decode().strip()
    said = git(
        "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
        "--full-index", "--ignore-submodules=all", "--src-prefix=a/", "--dst-prefix=b/",
        base, "--", limit_bytes=MAX_PATCH_BYTES,
    )  # fmt: skip
    if said.cut:
        problems.append(f"the patch is cut at {MAX_PATCH_BYTES} bytes")
    patch, binaries = without_binaries(said.output.decode("utf-8", "surrogateescape"))
    if binaries:
        more = f" and {len(binaries) - _MAX_NAMED} more" if len(binaries) > _MAX_NAMED else ""
        named = ", ".join(binaries[:_MAX_NAMED])
        problems.append(f"changed binary files are not in the patch: {named}{more}")
    return patch


def _new_files(root: str, untracked: Sequence[str], difference: str) -> str:
    """Return small untracked text files as new ones, as far as a patch has room beside the rest."""
    parts = []
    left = MAX_PATCH_BYTES - _size(difference)
    for path in untracked[:_MAX_UNTRACKED]:
        part = as_new_file(Path(root), path)
        if part and _size(part) <= left:
            parts.append(part)
            left -= _size(part)
    return "".join(parts)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))

"""Which code ran: commit, branch, remote, and what was changed and not committed.

Asked of git where it is installed, else read from the repository's files. A repository is data
here: nothing that its configuration names (hooks, filters, monitors, diff programs, transports)
is run. Taken right after the launch: a program that changes its own repository at once is seen
with these changes.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from yprov_run import config
from yprov_run.capture import gitfiles
from yprov_run.capture.commandline import paths_in
from yprov_run.capture.patch import MAX_PATCH_BYTES, as_new_file, patch_audience, without_secrets
from yprov_run.capture.program import ProgramError, Said, ask
from yprov_run.capture.scene import Scene
from yprov_run.errors import YprovError
from yprov_run.kinds.code import Captured, Repository, Submodule
from yprov_run.light import NamedTuple
from yprov_run.redaction.remote import without_credentials

_MAX_LIST_BYTES = 16 << 20
_MAX_SUBMODULES = 50
_MAX_UNTRACKED = 200
_MAX_SCRIPTS = 3

# Whatever of git would run a program that the repository names.
_HARMLESS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "diff.ignoreSubmodules=all",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "status.relativePaths=false",
)


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
            git = _Git(program, root, _environment(environ), give_up, monotonic)
            repository = _read(git, root, with_patch)
        found.append(replace(repository, remote=without_credentials(repository.remote)))
    return found


class _Git:
    """Git in one repository, for reading only."""

    def __init__(
        self,
        program: str,
        root: str,
        environ: Mapping[str, str],
        give_up: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._program = program
        self._root = root
        # The repository must be just here, and its files too, whatever its configuration says.
        above = os.path.dirname(root)  # noqa: PTH120 - may be no text
        self._environ = {**environ, "GIT_CEILING_DIRECTORIES": above, "GIT_WORK_TREE": root}
        self._give_up = give_up
        self._monotonic = monotonic
        self._settings = [word for setting in _HARMLESS for word in ("-c", setting)]
        self._settings += self._without_filters()

    def __call__(self, *words: str, limit_bytes: int = _MAX_LIST_BYTES) -> Said:
        argv = [self._program, "--no-pager", "--literal-pathspecs", *self._settings, *words]
        left_s = self._give_up - self._monotonic()
        if left_s <= 0:
            raise ProgramError("the time for reading the code's state was spent")
        return ask(argv, left_s, limit_bytes, self._environ, self._root)

    def within(self, path: str) -> _Git:
        root = os.path.join(self._root, path)  # noqa: PTH118 - may be no text
        return _Git(self._program, root, self._environ, self._give_up, self._monotonic)

    def _without_filters(self) -> list[str]:
        """Return settings that put every clean and smudge filter out of action."""
        try:
            said = self("config", "--includes", "-z", "--name-only", "--get-regexp", r"^filter\.")
        except ProgramError:
            return []
        names = {key.rpartition(".")[0] for key in _texts(said)}
        keys = [f"{name}.{part}=" for name in sorted(names) for part in ("clean", "process")]
        keys += [f"{name}.required=false" for name in sorted(names)]
        return [word for key in keys for word in ("-c", key)]


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return kept | {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
    }


def _read(git: _Git, root: str, with_patch: bool) -> Repository:
    """Ask git for all that it can say in time; what it cannot is named."""
    problems: list[str] = []
    try:
        status, untracked = _status(git, root, problems)
    except ProgramError as error:
        return Repository(root, *gitfiles.read(root), problems=(f"git: {error}",))
    remote, patch = "", ""
    submodules: tuple[Submodule, ...] = ()
    try:
        remote = _remote(git, status.upstream)
        submodules = tuple(_submodules(git, root))
        if with_patch:
            patch = _patch(git, root, status, untracked or [], problems)
    except ProgramError as error:
        problems.append(f"git: {error}")
    return Repository(
        root=root,
        commit=status.commit,
        branch=status.branch,
        remote=remote,
        dirty=status.changed > 0 or any(module.dirty for module in submodules),
        changed_count=status.changed,
        untracked_count=None if untracked is None else len(untracked),
        submodules=submodules,
        patch=patch,
        problems=tuple(problems),
    )


class _Status(NamedTuple):
    commit: str
    branch: str
    upstream: str
    changed: int


_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--ignore-submodules=all", "--no-renames")


def _status(git: _Git, root: str, problems: list[str]) -> tuple[_Status, list[str] | None]:
    """Return what was changed, and the untracked files; None for these if there are too many."""
    status = _parse_status(_texts(git(*_STATUS, "--untracked-files=no")))
    try:
        others = git("ls-files", "--others", "--exclude-standard", "-z")
    except ProgramError as error:
        problems.append(f"untracked files are not known: git: {error}")
        return status, None
    if others.cut:
        problems.append("not all untracked files are counted: they are too many")
    return status, list(gitfiles.without_records(root, _texts(others)))


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


def _remote(git: _Git, upstream: str) -> str:
    """Return the URL of the upstream's remote, else of `origin`, else of the first."""
    try:
        said = git("config", "--includes", "-z", "--get-regexp", r"^remote\..*\.url$")
    except ProgramError:
        return ""  # git's way to say that there is none
    urls: dict[str, str] = {}
    for entry in _texts(said):
        key, _, url = entry.partition("\n")
        urls.setdefault(key[len("remote.") : -len(".url")], url)
    wanted = [name for name in urls if upstream.startswith(f"{name}/")]
    chosen = [*sorted(wanted, key=len, reverse=True), "origin", *urls]
    return next((urls[name] for name in chosen if name in urls), "")


def _submodules(git: _Git, root: str) -> list[Submodule]:
    if not os.path.lexists(f"{root}/.gitmodules"):
        return []
    try:
        said = git(
            "config", "-f", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"
        )  # fmt: skip
    except ProgramError:
        return []
    paths = [entry.partition("\n")[2] for entry in _texts(said)]
    safe = [path for path in paths if path and not path.startswith("/")]
    safe = [path for path in safe if ".." not in path.split("/")][:_MAX_SUBMODULES]
    if not safe:
        return []
    recorded = {}
    for entry in _texts(git("ls-files", "--stage", "-z", "--", *safe)):
        facts, _, path = entry.partition("\t")
        mode, commit = facts.split()[:2]
        if mode == "160000":
            recorded[path] = commit
    return [_submodule(git, root, path, commit) for path, commit in recorded.items()]


def _submodule(git: _Git, root: str, path: str, recorded: str) -> Submodule:
    if not os.path.lexists(f"{root}/{path}/.git"):
        return Submodule(path, recorded, "", None)
    try:
        status = _parse_status(_texts(git.within(path)(*_STATUS, "--untracked-files=no")))
    except ProgramError:
        return Submodule(path, recorded, "", None)
    return Submodule(path, recorded, status.commit, status.changed > 0 or status.commit != recorded)


def _patch(
    git: _Git, root: str, status: _Status, untracked: Sequence[str], problems: list[str]
) -> str:
    """Return the difference to the commit, then small untracked text files as new ones."""
    parts = []
    left = MAX_PATCH_BYTES
    if status.changed:
        base = [status.commit] if status.commit else ["--cached"]
        said = git(
            "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
            "--full-index", "--ignore-submodules=all", "--src-prefix=a/", "--dst-prefix=b/",
            *base, "--", limit_bytes=left,
        )  # fmt: skip
        if said.cut:
            problems.append(f"the patch is cut at {MAX_PATCH_BYTES} bytes")
        parts.append(said.output.decode("utf-8", "replace"))
        left -= len(said.output)
    for path in untracked[:_MAX_UNTRACKED]:
        part = as_new_file(Path(root), path)
        size = len(part.encode("utf-8", "surrogateescape"))
        if part and size <= left:
            parts.append(part)
            left -= size
    return without_secrets("".join(parts))


def _texts(said: Said) -> list[str]:
    """Split what ends with NUL; a last part that was cut is dropped."""
    return [os.fsdecode(part) for part in said.output.split(b"\0")[:-1]]

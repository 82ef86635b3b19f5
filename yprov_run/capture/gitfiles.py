"""What is told of a repository by its files alone: for machines that have no git, and beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from yprov_run.jobdir import campaign_file, index_file
from yprov_run.safefile import read_text

_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_REMOTE = re.compile(r'\[remote "origin"\]')
_OWN_NAMES = {index_file(Path()).name, campaign_file(Path()).name}
_URL = re.compile(r"\s*url\s*=\s*(.+)")


def find_root(folder: str) -> str | None:
    """Return the work tree that a folder is in: the nearest folder above it with a `.git`."""
    here = os.path.realpath(folder)
    while True:
        if os.path.lexists(f"{here}/.git"):
            return here
        above = os.path.dirname(here)  # noqa: PTH120 - may be no text
        if above == here:
            return None
        here = above


def read(root: str) -> tuple[str, str, str]:
    """Return commit, branch and remote of a work tree; each empty where it is not told."""
    private = _git_folder(Path(root))
    common = private
    if link := read_text(private / "commondir").strip():
        common = private / link
    head = read_text(private / "HEAD").strip()
    if not head.startswith("ref: "):
        return (head if _COMMIT.match(head) else ""), "", _origin(common)
    name = head[len("ref: ") :]
    commit = "" if ".." in name else read_text(common / name).strip()
    if not _COMMIT.match(commit):
        commit = _packed(common, name)
    return commit, name.removeprefix("refs/heads/"), _origin(common)


def _git_folder(root: Path) -> Path:
    """Return the repository's own folder: a work tree of a submodule has a file that names it."""
    text = read_text(root / ".git").strip()
    return root / text[len("gitdir: ") :] if text.startswith("gitdir: ") else root / ".git"


def _packed(common: Path, name: str) -> str:
    for line in read_text(common / "packed-refs", 64 << 20).splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name and _COMMIT.match(commit):
            return commit
    return ""


def _origin(common: Path) -> str:
    inside = False
    for line in read_text(common / "config").splitlines():
        if line.lstrip().startswith("["):
            inside = bool(_REMOTE.match(line.strip()))
        elif inside and (found := _URL.match(line)):
            return found[1].strip()
    return ""


def without_records(root: str, paths: Sequence[str]) -> Iterator[str]:
    """Yield the paths that are not of our own making: records of jobs are no change to the code."""
    known: dict[str, bool] = {"": False}

    def is_record(folder: str) -> bool:
        if folder not in known:
            above = is_record(folder.rpartition("/")[0])
            known[folder] = above or os.path.lexists(f"{root}/{folder}/record/job.json")
        return known[folder]

    for path in paths:
        folder, _, name = path.rpartition("/")
        if name not in _OWN_NAMES and not is_record(folder):
            yield path

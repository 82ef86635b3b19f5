"""The state of the code that ran."""

from __future__ import annotations

from dataclasses import dataclass

from yprov_run.audience import EVERYBODY, common


@dataclass(frozen=True)
class Submodule:
    """A repository within the repository: the commit that is wanted, and the one that is there."""

    path: str
    recorded_commit: str
    commit: str
    dirty: bool | None = None


@dataclass(frozen=True)
class Repository:
    """The state of one repository; `dirty` and the counts are None where git could not be asked.

    `untracked_count` is None too where git is set not to show such files. `branch` is empty on a
    detached head, `commit` before the first commit, `remote` (without credentials) where there is
    none. `patch` is what `git apply` needs beside the commit, `mode` who may read the files that it
    is made of.
    """

    root: str
    commit: str = ""
    branch: str = ""
    remote: str = ""
    dirty: bool | None = None
    changed_count: int | None = None
    untracked_count: int | None = None
    submodules: tuple[Submodule, ...] = ()
    patch: str = ""
    problems: tuple[str, ...] = ()
    mode: int = EVERYBODY


@dataclass(frozen=True)
class Captured:
    """The repositories that the working directory and the program's script are in."""

    repositories: tuple[Repository, ...] = ()

    @property
    def mode(self) -> int:
        """Who may read all of this, as permission bits."""
        return common(repository.mode for repository in self.repositories)

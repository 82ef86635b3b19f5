"""Distributions built from this repository, and fresh environments of other Pythons for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import BIN, REPOSITORY
from tests.support.project import PYTHONS

UV = BIN / "uv"


def repository_files() -> list[str]:
    """Return what a clone would have, and what is new and not ignored, by path from its root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return sorted(name for name in listed.split("\0") if name and (REPOSITORY / name).exists())


def copy_repository(to: Path) -> Path:
    """Copy what a clone would have, and nothing that lies beside it."""
    for name in repository_files():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, to / name)
    return to


def uv(*words: str | Path, umask: int = -1) -> None:
    """Run uv; its messages are shown if it fails."""
    done = subprocess.run(
        [UV, "--quiet", *words],
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def build(source: Path, into: Path, *words: str, umask: int = -1) -> list[Path]:
    """Build a wheel, and a source distribution if none is excluded; return them sorted."""
    uv("build", source, "--out-dir", into, *words, umask=umask)
    return sorted(path for path in into.iterdir() if path.suffix in (".whl", ".gz"))


def find_python(version: str) -> str:
    """Return a Python such as "3.10": from the PATH, pyenv's or uv's; empty if there is none."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    on_path = [Path(folder, name) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    for path in (*on_path, *sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"))):
        # pyenv's own programs on the PATH stand for versions that may not be there.
        if path.is_file() and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return str(path)
    found = subprocess.run(
        [UV, "python", "find", "--no-project", version], capture_output=True, text=True
    )
    return found.stdout.strip() if found.returncode == 0 else ""


@dataclass(frozen=True)
class Environment:
    """A virtual environment of which only the programs are on the PATH, with a folder beside it."""

    path: Path
    folder: Path

    @classmethod
    def make(cls, place: Path, python: str) -> Environment:
        """Make one without pip."""
        uv("venv", "--python", python, place / "environment")
        (place / "work").mkdir()
        return cls(place / "environment", place / "work")

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.path / "bin/python"

    def install(self, *words: str | Path) -> None:
        """Install packages as they are on the index: nothing is built, so no compiler is asked."""
        uv("pip", "install", "--python", self.python, "--only-binary", ":all:", *words)

    def install_ours(self, distribution: Path) -> None:
        """Install what was built here, without its dependencies."""
        uv("pip", "install", "--python", self.python, "--no-deps", distribution)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as somebody to whom nothing else is known."""
        env = {
            "PATH": f"{self.path}/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }
        return subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, check=False,
            timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, *command: str) -> str:
        """Run a command that must succeed and say nothing on stderr; return what it printed."""
        done = self.run(*command)
        assert (done.returncode, done.stderr) == (0, ""), (command, done.stderr)
        return done.stdout


def fetch_pythons() -> None:
    """Have uv install the oldest and the newest Python where there are none; try, at least."""
    for version in (PYTHONS[0], PYTHONS[-1]):
        if not find_python(version):
            subprocess.run([UV, "--quiet", "python", "install", version], check=False)


if __name__ == "__main__":
    fetch_pythons()

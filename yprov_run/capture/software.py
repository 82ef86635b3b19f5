"""The software of the user's program: its own Python, and what is installed for it; never ours.

Everything is read from files; nothing is started. Taken right after the launch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from yprov_run.capture import interpreter
from yprov_run.capture.distributions import conda_packages, installed
from yprov_run.capture.scene import Scene
from yprov_run.kinds.software import Captured, Nearby
from yprov_run.safefile import read_regular
from yprov_run.trace.digest import checksum

# Files that say what should be installed, looked for beside the program and where it runs.
_NEARBY = {
    "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pixi.lock",
    "conda-lock.yml", "environment.yml", "environment.yaml", "pyproject.toml", "setup.cfg",
    "setup.py", "Cargo.lock", "Manifest.toml", "Project.toml", "renv.lock", "spack.yaml",
    "spack.lock",
}  # fmt: skip
_MAX_NEARBY_BYTES = 16 << 20
_MAX_NEARBY = 50


def take(scene: Scene) -> Captured:
    """Return the software of the launched command."""
    return capture(scene.argv, scene.environ, scene.cwd)


def capture(argv: Sequence[str], environ: Mapping[str, str], folder: str) -> Captured:
    """Return the software that a command, launched in a folder, runs with."""
    nearby = tuple(_nearby(argv, folder))
    python = interpreter.find(argv, environ, folder)
    if python is None:
        return Captured(None, nearby=nearby)
    return Captured(
        python,
        tuple(installed(python, environ, environ.get("HOME", ""))),
        tuple(conda_packages(python)),
        nearby,
    )


def _nearby(argv: Sequence[str], folder: str) -> Iterator[Nearby]:
    scripts = [word for word in argv if word.endswith((".py", ".jl", ".R", ".sh"))][:1]
    places = [folder, *(os.path.dirname(os.path.join(folder, word)) for word in scripts)]  # noqa: PTH118, PTH120
    count = 0
    for place in dict.fromkeys(os.path.normpath(place) for place in places):
        try:
            names = sorted(os.listdir(place))  # noqa: PTH208 - names are all it needs
        except OSError:
            continue
        for name in names:
            is_list = name.startswith("requirements") and name.endswith((".txt", ".in"))
            if (name in _NEARBY or is_list) and count < _MAX_NEARBY:
                path = os.path.join(place, name)  # noqa: PTH118 - may be no text
                try:
                    content = read_regular(path, _MAX_NEARBY_BYTES)
                except (OSError, ValueError):
                    continue
                count += 1
                yield Nearby(path, len(content), checksum(content))

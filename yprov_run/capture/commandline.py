"""Files that a command line names: existing paths among its words, and configuration files."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Sequence

from yprov_run.light import NamedTuple

MAX_WORDS = 5_000

_CONFIGURATION = (".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".json", ".nml", ".gin")
_CHECKPOINT = (".ckpt", ".pt", ".pth", ".safetensors", ".chk", ".restart")
_PROGRAM = (".py", ".sh", ".bash", ".r", ".jl", ".pl", ".rb", ".lua", ".m", ".smk", ".nf", ".pyz")
_LOG = (".log", ".out", ".err", ".stdout", ".stderr")
_LOG_STARTS = ("slurm-", "events.out.tfevents")

# By which a launcher, env, or a program itself (make, tar) says where what follows is looked for.
_FOLDER_OPTIONS = frozenset(("-D", "-C", "--chdir", "-wd", "--wd", "-wdir", "--wdir"))

# Hydra's ways to say which folder and which file of it.
_HYDRA_FOLDER = ("--config-path", "-cp", "--config-dir", "-cd")
_HYDRA_NAME = ("--config-name", "-cn")


class Named(NamedTuple):
    """A path that is or was there, and the role it plays if the job reads it."""

    path: str
    role: str


def read_role(path: str) -> str:
    """Return the role of a file that a command line names and the job reads."""
    name = path.lower()
    for endings, role in (
        (_CONFIGURATION, "configuration"), (_CHECKPOINT, "checkpoint"), (_PROGRAM, "program"),
    ):  # fmt: skip
        if name.endswith(endings):
            return role
    return "input"


def written_role(path: str) -> str:
    """Return the role of a file that the job wrote."""
    name = os.path.basename(path.rstrip("/")).lower()  # noqa: PTH119 - as it was given
    if name.endswith(_LOG) or name.startswith(_LOG_STARTS):
        return "log"
    if name.endswith(_CHECKPOINT) or name.startswith("checkpoint"):
        return "checkpoint"
    return "output"


def is_data_folder(absolute: str, folder: str) -> bool:
    """Tell whether a folder that a command line names is walked: not the one where it runs, the
    user's home, or one above these.
    """
    around = (folder, os.path.expanduser("~"))  # noqa: PTH111 - a text
    return not any(f"{path}/".startswith(f"{absolute.rstrip('/')}/") for path in around)


def paths_in(argv: Sequence[str], folder: str, were_there: Container[str] = ()) -> list[Named]:
    """Return the paths among a command's words that are there, each once, as they were given.

    So are those that `were_there`, by absolute path. A word counts whole, from its first `=` on, or
    without an `@` before it (argparse's files of arguments). A program that is searched on the PATH
    is no path. Behind an option for the working directory, words are looked for there first.
    """
    found: dict[str, Named] = {}
    inner = ""
    for index, word in enumerate(argv[:MAX_WORDS]):
        inner = _inner_folder(argv, index, folder) or inner
        for given, role in _readings(word):
            if not given or (not index and "/" not in given):
                continue
            places = (os.path.join(inner, given), given)  # noqa: PTH118 - as it was given
            path = next((at for at in places if _was_there(at, folder, were_there)), None)
            if path is not None:
                found.setdefault(path, Named(path, role or read_role(path)))
                break
    for path in _hydra(argv, folder):
        found.setdefault(path, Named(path, "configuration"))
    return list(found.values())


def _inner_folder(argv: Sequence[str], index: int, folder: str) -> str:
    """Return the folder that this word, or it and the next, makes the working directory."""
    name, equals, value = argv[index].partition("=")
    if name not in _FOLDER_OPTIONS:
        return ""
    value = value if equals else "".join(argv[index + 1 : index + 2])
    return value if os.path.isdir(os.path.join(folder, value)) else ""  # noqa: PTH112, PTH118


def _was_there(path: str, folder: str, were_there: Container[str]) -> bool:
    return _is_there(path, folder) or _absolute(path, folder) in were_there


def _readings(word: str) -> Iterator[tuple[str, str]]:
    yield word, ""
    if word.startswith("@"):
        yield word[1:], "configuration"
    _, equals, value = word.partition("=")
    if equals:
        yield value, ""


def _is_there(path: str, folder: str) -> bool:
    if not path or path.startswith("-"):
        return False
    try:
        return os.path.lexists(os.path.join(folder, path))  # noqa: PTH118 - as it was given
    except ValueError:  # a NUL, from a file of arguments
        return False


def _absolute(path: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder, path)) if path else ""  # noqa: PTH118


def _hydra(argv: Sequence[str], folder: str) -> Iterator[str]:
    """Yield the configuration file that Hydra's options name, seen from its script."""
    folders = list(_values(argv, _HYDRA_FOLDER))
    names = list(_values(argv, _HYDRA_NAME))
    scripts = [os.path.dirname(word) for word in argv if word.endswith(".py")][:1]  # noqa: PTH120
    for name in names:
        file = name if name.endswith((".yaml", ".yml")) else f"{name}.yaml"
        for base in ("", *scripts):
            for inner in (*folders, "conf", "config", "configs", ""):
                path = os.path.join(base, inner, file)  # noqa: PTH118 - as it was given
                if _is_there(path, folder):
                    yield path
                    return


def _values(argv: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    for index, word in enumerate(argv[:MAX_WORDS]):
        name, equals, value = word.partition("=")
        if name in options and equals:
            yield value
        elif word in options and index + 1 < len(argv):
            yield argv[index + 1]

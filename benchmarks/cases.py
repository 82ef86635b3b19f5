"""The contestants: yprov-run and the peers, each as its own documentation says to call it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
GPUS = 8
OURS = "yprov-run"
BARE = "bare"
_FAKE = Path(__file__).parents[1] / "tests/fakes/nvml.c"

# From a folder for what is written, and the seconds between samples, to the words before a command.
Words = Callable[[Path, float], Sequence[str]]


@dataclass(frozen=True)
class Contestant:
    """A way of running a command; `heavy`: so slow to start that a third of the rounds must do."""

    name: str
    words: Words
    version: str = ""
    heavy: bool = False
    samples: bool = True


@dataclass(frozen=True)
class Bench:
    """What each section is given; `library` is a folder with a fake libnvidia-ml.so.1."""

    folder: Path
    contestants: Sequence[Contestant]
    library: Path
    quick: bool

    def environment(self, call_us: int = 0) -> dict[str, str]:
        """Return an environment with eight fake GPUs, whose driver's calls take some time."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("YPROV_", "SLURM"))}
        return {
            **clean,
            "LD_LIBRARY_PATH": str(self.library),
            "FAKE_NVML_GPUS": str(GPUS),
            "FAKE_NVML_CALL_US": str(call_us),
        }

    def room(self, *names: str) -> Path:
        """Return a new folder."""
        path = self.folder.joinpath(*names)
        path.mkdir(parents=True)
        return path


def fake_library(folder: Path) -> Path:
    """Compile the fake GPUs; return the folder that they are in."""
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-Wl,-soname,libnvidia-ml.so.1", "-o",
         str(folder / "libnvidia-ml.so.1"), str(_FAKE), "-lm"], check=True,
    )  # fmt: skip
    return folder


def contestants(peers: Path | None) -> list[Contestant]:
    """Return the bare command, ours, and each peer whose program is found."""
    found = [
        Contestant(BARE, lambda _folder, _interval: [], samples=False),
        Contestant(
            f"{OURS} --no-merge --no-capture", _ours("--no-merge", "--no-capture"), samples=False
        ),
        Contestant(f"{OURS} --no-merge", _ours("--no-merge")),
        Contestant(OURS, _ours(), _version(BIN / "python", OURS)),
    ]
    python = peers / "python" if peers else Path()
    for name, words, heavy in (
        ("con-duct", _con_duct, False), ("perun", _perun, True), ("jpwr", _jpwr, True),
    ):  # fmt: skip
        if peers and (peers / name).exists():
            found.append(Contestant(name, words(peers / name), _version(python, name), heavy))
    for name, words, probe in (("strace", _strace, "-V"), ("time", _time, "--version")):
        program = shutil.which(name)
        if program:
            told = subprocess.run([program, probe], capture_output=True, text=True, check=False)
            version = (told.stdout + told.stderr).split("\n", 1)[0].split()[-1]
            version = "GNU" if version == "UNKNOWN" else version  # Debian's does not know its own
            found.append(Contestant(name, words(Path(program)), version, samples=False))
    return found


def _version(python: Path, distribution: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def _ours(*options: str) -> Words:
    return lambda folder, interval: [
        str(BIN / OURS), "-q", *options, "--dir", str(folder), "--interval", str(interval),
    ]  # fmt: skip


def _con_duct(program: Path) -> Words:
    return lambda folder, interval: [
        str(program), "run", "--quiet", "-p", f"{folder}/duct_", "--sample-interval",
        str(interval), "--report-interval", str(max(1.0, interval)),
    ]  # fmt: skip


def _perun(program: Path) -> Words:
    return lambda folder, interval: [
        str(program), "monitor", "--data-out", str(folder), "--sampling-period", str(interval),
        "-b",
    ]  # fmt: skip


def _jpwr(program: Path) -> Words:
    return lambda folder, interval: [
        str(program), "--interval", str(round(interval * 1000)), "--df-out", str(folder),
        "--df-filetype", "csv", "--methods", "pynvml", "--",
    ]  # fmt: skip


def _strace(program: Path) -> Words:
    return lambda folder, _: [
        str(program), "-f", "--seccomp-bpf", "-e", "trace=openat,execve", "-o", f"{folder}/strace",
    ]  # fmt: skip


def _time(program: Path) -> Words:
    return lambda folder, _: [str(program), "-v", "-o", f"{folder}/time"]

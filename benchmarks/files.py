"""What many and large inputs cost: before the program starts, and after it has ended.

    python benchmarks/files.py [FOLDER] [ROUNDS]

In FOLDER (a temporary one by default; 6 GB are needed) are made 100,000 files of 1 KiB and five of
1 GB. Rounds with them and without are interleaved. Then the whole is hashed once, within the usual
budget; and a million empty files are surveyed, for time and memory.
"""

from __future__ import annotations

import hashlib
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
SMALL_FILES, SMALL_BYTES = 100_000, 1 << 10
LARGE_FILES, LARGE_BYTES = 5, 10**9
MILLION = 1_000_000


def make_inputs(folder: Path) -> None:
    """Write the files, unless they are there from before."""
    for number in range(SMALL_FILES):
        place = folder / f"small/{number // 1000:03}"
        if number % 1000 == 0:
            place.mkdir(parents=True, exist_ok=True)
        path = place / f"{number}.bin"
        if not path.exists():
            path.write_bytes(number.to_bytes(4, "big") * (SMALL_BYTES // 4))
    (folder / "large").mkdir(exist_ok=True)
    block = os.urandom(1 << 20)
    for number in range(LARGE_FILES):
        path = folder / f"large/{number}.bin"
        if not path.exists():
            with path.open("wb") as stream:
                for _ in range(LARGE_BYTES // len(block) + 1):
                    stream.write(block)


def until_start_s(words: list[str], folder: Path) -> float:
    """Return how long after the launch the program itself runs."""
    boot_offset = time.clock_gettime(time.CLOCK_BOOTTIME) - time.perf_counter()
    started = time.perf_counter() + boot_offset
    command = [str(BIN / "yprov-run"), "-q", "--no-merge", *words, "cat", "/proc/uptime"]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[0]) - started


def whole_s(words: list[str], folder: Path) -> float:
    """Return how long a launch takes from the first word to the document."""
    started = time.perf_counter()
    subprocess.run([str(BIN / "yprov-run"), "-q", *words, "true"], cwd=folder, check=True)
    return time.perf_counter() - started


def hash_rates(folder: Path) -> None:
    """Print how many bytes a second one thread hashes, by algorithm."""
    path = folder / "large/0.bin"
    for name in ("sha256", "blake2b", "sha1"):
        digest = hashlib.new(name)
        started = time.process_time()
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        seconds = time.process_time() - started
        print(f"{name:10}{path.stat().st_size / seconds / 1e9:8.2f} GB per s of CPU time")


_SURVEY = """
import resource, sys, time
from pathlib import Path
from yprov_run.capture.before import Before
from yprov_run.capture.files import Survey, Wanted
from yprov_run.capture.hashing import Budget
folder = sys.argv[1]
started = time.monotonic()
survey = Survey(Wanted(folder, ["million"], own_streams=False, look_around=False), Before(1 << 62),
                Budget(600, 50 * 10**9), Path(folder) / "manifests", walk_until=started + 600)
(found,) = survey.run().collections
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
size = (Path(folder) / "manifests" / found.manifest).stat().st_size / 1e6
print(f"{found.count:,} files: {time.monotonic() - started:.1f} s, {peak:.0f} MiB, "
      f"manifest {size:.0f} MB, {found.unhashed_count} without a checksum")
"""


def survey_a_million(folder: Path) -> None:
    """Print what one folder of a million files takes."""
    place = folder / "million"
    place.mkdir()
    for number in range(MILLION):
        os.close(os.open(place / str(number), os.O_CREAT | os.O_WRONLY))
    subprocess.run([sys.executable, "-c", _SURVEY, str(folder)], check=True)


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        empty, full = Path(name) / "empty", Path(name) / "full"
        empty.mkdir()
        full.mkdir()
        make_inputs(full)
        # Here only the start is measured: no time is given to checksums.
        (full / "yprov.yaml").write_text("checksum_seconds: 0\n")
        (empty / "yprov.yaml").write_text("checksum_seconds: 0\n")
        starts: dict[str, list[float]] = {"empty folder": [], "100,000 files and 5 GB": []}
        for _ in range(rounds):
            starts["empty folder"].append(until_start_s([], empty))
            words = ["-i", "small", "-i", "large"]
            starts["100,000 files and 5 GB"].append(until_start_s(words, full))
        print(f"{platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}, "
              f"Python {platform.python_version()}, {rounds} rounds")  # fmt: skip
        for case, seconds in starts.items():
            figures = (statistics.median(seconds), min(seconds), max(seconds))
            told = "".join(f"{figure * 1000:8.1f}" for figure in figures)
            print(f"until the program runs, {case:24}{told} ms")
        hash_rates(full)
        (full / "yprov.yaml").unlink()
        seconds = whole_s(["-i", "small", "-i", "large"], full)
        print(f"launch to document, with all checksums: {seconds:.1f} s")
        for job in sorted(full.glob("yprov/*")):
            size = (job / "prov.json").stat().st_size if (job / "prov.json").exists() else 0
            if size:
                print(f"document {size / 1e3:.0f} kB")
        survey_a_million(Path(name))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"CPU time of all children {used.ru_utime + used.ru_stime:.0f} s")


if __name__ == "__main__":
    main()
